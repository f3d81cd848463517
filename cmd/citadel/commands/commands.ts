/** Subcommands of `citadel`: what an operator asks of a running cluster. Without one, the server starts. */

import { type FlagSyntax, parseFlags } from '../../flags/parse-flags.ts';
import { describeSuggestion } from '../../flags/suggest.ts';
import { UsageError } from '../../flags/usage-error.ts';
import { renderFlag, wrapText } from '../../flags/wrap-text.ts';
import type { CommandIo, CommandOptions } from './command-io.ts';
import { showNodes } from './nodes.ts';
import { showShards } from './shards.ts';
import { verify } from './verify.ts';

interface Command {
  readonly summary: string;
  readonly details: string;
  /** Resolves with the exit status. */
  readonly run: (options: CommandOptions, io: CommandIo) => Promise<number>;
}

const defaultUrl = 'http://127.0.0.1:7086';

const commands: Readonly<Record<string, Command>> = {
  nodes: {
    summary: 'the nodes of the cluster and how they are',
    details: 'Exit status: 0, or 1 when a node is missing or not well.',
    run: showNodes,
  },
  shards: {
    summary: 'the shards, where their copies are and how far each is',
    details: 'Exit status: 0, or 1 when a copy is missing, behind or damaged.',
    run: showShards,
  },
  verify: {
    summary: 'compare the contents of all copies of all shards',
    details:
      'Reads everything that is stored, a few shards at a time, while the cluster goes on serving. Exit status: 0 when all copies are equal, 1 when not.',
    run: verify,
  },
};

const syntax: readonly (FlagSyntax & { readonly value?: string; readonly help: string })[] = [
  { name: 'url', value: 'URL', help: `any node of the cluster [${defaultUrl}]` },
  { name: 'json', isSwitch: true, help: 'JSON instead of a table' },
  { name: 'help', alias: 'h', isSwitch: true, help: 'this text' },
];

/** For the help of `citadel`. */
export function listCommands(): string[] {
  return Object.entries(commands).flatMap(([name, { summary }]) => renderFlag(name, summary));
}

function renderHelp(name: string, { summary, details }: Command): string {
  const flags = syntax.flatMap(({ name: flag, value, help }) =>
    renderFlag(value === undefined ? `-${flag}` : `-${flag} ${value}`, help),
  );
  const lines = [
    `citadel ${name}: ${summary}`,
    '',
    `Usage: citadel ${name} [-flag value]...`,
    '',
    ...flags,
    '',
    ...wrapText(details, 100),
  ];
  return `${lines.join('\n')}\n`;
}

function readUrl(text: string): string {
  const url = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, '');
  throw new UsageError(`bad value "${text}" for -url: expected a URL such as ${defaultUrl}`);
}

/** Whether the first argument names a command and not a flag of the server. */
export function isCommand(args: readonly string[]): boolean {
  return args[0] !== undefined && !args[0].startsWith('-');
}

/** @throws UsageError */
export async function runCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const [name = '', ...rest] = args;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const names = Object.keys(commands);
    throw new UsageError(
      `unknown command "${name}"${describeSuggestion(name, names)} (commands: ${names.join(', ')})`,
    );
  }
  const flags = parseFlags(rest, syntax);
  if (flags.get('help')?.at(-1) === 'true') {
    io.out(renderHelp(name, command));
    return 0;
  }
  const url = readUrl(flags.get('url')?.at(-1) ?? defaultUrl);
  const asJson = flags.get('json')?.at(-1) === 'true';
  return command.run({ url, asJson }, io);
}
