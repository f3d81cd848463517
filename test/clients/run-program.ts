/** A program as a process: what it writes and how it ends. */

import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface ProgramResult {
  /** null = ended by a signal. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** All of its standard input. */
  readonly input?: string | Uint8Array;
}

export interface ProgramRun {
  readonly child: ChildProcess;
  readonly result: Promise<ProgramResult>;
}

/** A program that hangs fails its test instead of the whole run. */
const patienceMs = 900_000;

export function startProgram(
  command: string,
  args: readonly string[],
  { cwd, env = {}, input }: ProgramOptions = {},
): ProgramRun {
  const options = { cwd, env: { ...process.env, ...env }, timeout: patienceMs };
  const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const finish = async (): Promise<ProgramResult> => {
    const [stdout, stderr, status] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      exited,
    ]);
    return { status, stdout, stderr };
  };
  return { child, result: finish() };
}

export function runProgram(
  command: string,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<ProgramResult> {
  return startProgram(command, args, options).result;
}
