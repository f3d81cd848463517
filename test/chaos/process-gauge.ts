/** What a process holds of the system, read from /proc (Linux only), and of its own heap. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CitadelProcess } from '../support/citadel-process.ts';

export const gaugesWork = existsSync('/proc/self/fd');

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

export function openHandles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function threadCount(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

/** Flags of Node for a server whose heap `readGauge` is to look into. */
export const gaugeArgs = [
  '--expose-gc',
  '--import',
  fileURLToPath(new URL('./gauge-hook.mjs', import.meta.url)),
];

export interface Gauge {
  /** After collecting garbage, bytes, of the main thread. */
  readonly heapBytes: number;
  /** The same of every other thread. */
  readonly workerHeapBytes: readonly number[];
  /** Of the whole process. */
  readonly residentBytes: number;
  readonly handles: number;
  readonly threads: number;
  /** Of the event loop: kind -> how many. */
  readonly resources: Readonly<Record<string, number>>;
}

const patienceMs = 10_000;
const pollMs = 20;

function linesOf(server: CitadelProcess): string[] {
  return server
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('gauge '));
}

interface Held {
  readonly heapUsed: number;
  readonly arrayBuffers: number;
}

function heapOf({ heapUsed, arrayBuffers }: Held): number {
  return heapUsed + arrayBuffers;
}

/** Of a server that was started with `gaugeArgs`. */
export async function readGauge(server: CitadelProcess): Promise<Gauge> {
  const before = linesOf(server).length;
  process.kill(server.pid, 'SIGUSR2');
  const deadline = performance.now() + patienceMs;
  while (linesOf(server).length === before) {
    if (performance.now() > deadline) throw new Error('the server does not say what it holds');
    await sleep(pollMs);
  }
  const found = JSON.parse(linesOf(server).at(-1)!.slice('gauge '.length)) as Held & {
    readonly workers: readonly Held[];
    readonly rss: number;
    readonly resources: Readonly<Record<string, number>>;
  };
  return {
    heapBytes: heapOf(found),
    workerHeapBytes: found.workers.map(heapOf),
    residentBytes: found.rss,
    handles: openHandles(server.pid),
    threads: threadCount(server.pid),
    resources: found.resources,
  };
}
