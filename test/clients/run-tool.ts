/** `citadel import` and `export` as real processes that can be killed on their way. */

import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('../../bin/citadel', import.meta.url));

export interface ToolResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ToolRun {
  readonly child: ChildProcess;
  readonly result: Promise<ToolResult>;
}

export function startTool(args: readonly string[], cwd: string, input?: Uint8Array): ToolRun {
  const child = spawn(process.execPath, [binary, ...args], { cwd });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const finish = async (): Promise<ToolResult> => {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { status: await exited, stdout, stderr };
  };
  return { child, result: finish() };
}

export function runTool(args: readonly string[], cwd: string, input?: Uint8Array) {
  return startTool(args, cwd, input).result;
}
