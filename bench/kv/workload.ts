/** Keys, values and the measuring of operations, for all contenders alike. */

import { randomBytes } from 'node:crypto';
import { readCpuSeconds } from '../load/process-facts.ts';

export const batchSize = 1_000;
export const keySize = 16;
export const value = new Uint8Array(100).fill(7);

/** What bare better-sqlite3 does in a second, in the same run. */
export interface BareRates {
  readonly load: number;
  readonly get: number;
  readonly list: number;
}

export interface Result {
  readonly what: string;
  readonly perSecond: number;
  /** Of the server, per operation, in µs. */
  readonly cpuMicros: number;
  /** Of one call, ms. */
  readonly p50: number;
  readonly p99: number;
}

export class Keys {
  readonly count: number;
  readonly #bytes: Uint8Array;

  constructor(count: number) {
    this.count = count;
    this.#bytes = new Uint8Array(count * keySize);
    for (let at = 0; at < this.#bytes.length; at += 65_536) {
      this.#bytes.set(randomBytes(Math.min(65_536, this.#bytes.length - at)), at);
    }
  }

  at(i: number): Uint8Array {
    return this.#bytes.subarray(i * keySize, (i + 1) * keySize);
  }

  slice(from: number, until: number): Uint8Array[] {
    return Array.from({ length: Math.max(0, until - from) }, (_, i) => this.at(from + i));
  }

  /** `count` of the keys [from, until), in no order. */
  some(count: number, from = 0, until = this.count): Uint8Array[] {
    const span = until - from;
    return Array.from({ length: count }, () => this.at(from + Math.floor(Math.random() * span)));
  }
}

function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

interface Work {
  readonly what: string;
  readonly calls: number;
  /** Operations of a call. */
  readonly operations: number;
  readonly concurrency: number;
  /** Of the server. */
  readonly pid: number;
  readonly call: (i: number) => Promise<unknown>;
}

/** Runs the calls, so many at a time. */
export async function measure({
  what,
  calls,
  operations,
  concurrency,
  pid,
  call,
}: Work): Promise<Result> {
  const latencies = new Float64Array(calls);
  const cpuBefore = readCpuSeconds(pid);
  const started = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < calls) {
      const i = next++;
      const from = performance.now();
      await call(i);
      latencies[i] = performance.now() - from;
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, calls) }, lane));
  const seconds = (performance.now() - started) / 1000;
  const total = calls * operations;
  const cpuMicros = ((readCpuSeconds(pid) - cpuBefore) / total) * 1e6;
  latencies.sort();
  const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)];
  return { what, perSecond: total / seconds, cpuMicros, p50, p99 };
}
