/** The built commands as real processes that run to their end. */

import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `program`: a file of bin/. */
export async function runBin(
  program: 'citadel' | 'ctchecker',
  args: readonly string[],
  directory?: string,
): Promise<CommandResult> {
  const path = fileURLToPath(new URL(`../../bin/${program}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { cwd: directory });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { stdout, stderr, status: await exited };
}
