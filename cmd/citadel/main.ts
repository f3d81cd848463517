/**
 * Entry of the `citadel` command: runs a subcommand, answers help and version, or serves. Each loads only what it needs:
 * half of the time of a start goes into loading.
 */

import { readFileSync } from 'node:fs';
import { UsageError } from '../flags/usage-error.ts';
import { CommandError } from './commands/command-error.ts';
import { readConfig } from './config.ts';
import { describeMachine } from './machine.ts';
import { readVersion } from './version.ts';

const usageStatus = 2;
const failedStatus = 1;

/** Whether a subcommand is asked for. */
function isCommand(args: readonly string[]): boolean {
  return args[0] !== undefined && !args[0].startsWith('-');
}

async function runCommandHere(args: readonly string[]): Promise<number> {
  const { runCommand } = await import('./commands/commands.ts');
  return runCommand(args, {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    isTerminal: process.stderr.isTTY === true,
  });
}

async function main(args: readonly string[]): Promise<number> {
  if (isCommand(args)) return runCommandHere(args);
  const machine = describeMachine();
  const version = readVersion();
  const isTerminal = process.stderr.isTTY === true;
  const readFile = (path: string) => readFileSync(path, 'utf8');
  const config = readConfig({ args, machine, version, isTerminal, readFile });
  if (config === 'help') {
    const { renderHelp } = await import('./help.ts');
    process.stdout.write(renderHelp(machine));
    return 0;
  }
  if (config === 'version') {
    process.stdout.write(`citadel ${version} (node ${process.version})\n`);
    return 0;
  }
  for (const warning of config.warnings) process.stderr.write(`citadel: ${warning}\n`);
  const { serve } = await import('./serve.ts');
  // A stopped node is done, whatever timers or sockets a library may still hold.
  process.exit(await serve(config));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError || error instanceof CommandError)) throw error;
  process.stderr.write(`citadel: ${error.message}\n`);
  process.exitCode = error instanceof UsageError ? usageStatus : failedStatus;
}
