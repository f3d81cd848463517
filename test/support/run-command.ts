/** The built commands as real processes that run to their end. */

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `args`: of Node itself, a file first. */
export async function runNode(args: readonly string[], directory?: string): Promise<CommandResult> {
  const child = spawn(process.execPath, args, { cwd: directory });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { stdout, stderr, status: await exited };
}

/** `program`: a file of bin/. */
export function runBin(
  program: 'citadel' | 'ctchecker',
  args: readonly string[],
  directory?: string,
): Promise<CommandResult> {
  const path = fileURLToPath(new URL(`../../bin/${program}`, import.meta.url));
  return runNode([path, ...args], directory);
}
