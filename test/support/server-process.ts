/**
 * A server as a real child process: output collected, exit awaited, killed when the test file ends.
 *
 * What is particular to one server (arguments, readiness) is in `citadel-process.ts` and
 * `influxd-process.ts`.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServerProcess {
  readonly pid: number;
  /** Everything written so far. */
  stdout(): string;
  stderr(): string;
  running(): boolean;
  exited: Promise<ExitStatus>;
  /** Sends the signal and waits until the process is gone; SIGKILL after `patienceMs`. */
  stop(signal?: NodeJS.Signals, patienceMs?: number): Promise<ExitStatus>;
  send(signal: NodeJS.Signals): void;
}

const outputSizeMax = 4 * 1024 * 1024;
const alive = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (part: string) => {
    text = (text + part).slice(-outputSizeMax);
  });
  return () => text;
}

export function startServer(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): ServerProcess {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  alive.add(child);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('error', () => resolve({ code: 127, signal: null }));
    child.once('close', (code, signal) => resolve({ code, signal }));
  }).finally(() => alive.delete(child));

  async function stop(signal: NodeJS.Signals = 'SIGTERM', patienceMs = 15_000) {
    child.kill(signal);
    const patience = new AbortController();
    const impatience = sleep(patienceMs, undefined, { signal: patience.signal }).then(
      () => child.kill('SIGKILL'),
      () => false,
    );
    const status = await exited;
    patience.abort();
    await impatience;
    return status;
  }

  return {
    pid: child.pid ?? -1,
    stdout,
    stderr,
    running: () => alive.has(child),
    exited,
    stop,
    send: (signal) => child.kill(signal),
  };
}

/** Polls `ready` until it is true; fails with the server's own words when it exits or takes too long. */
export async function waitUntilReady(
  server: ServerProcess,
  ready: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (!server.running()) {
      const { code, signal } = await server.exited;
      throw new Error(`server exited early (${code ?? signal}): ${server.stderr().slice(-2000)}`);
    }
    if (await ready().catch(() => false)) return;
    if (performance.now() > deadline) {
      throw new Error(`server is not ready after ${timeoutMs} ms: ${server.stderr().slice(-2000)}`);
    }
    await sleep(25);
  }
}
