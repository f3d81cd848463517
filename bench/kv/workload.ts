/** Keys, values and the measuring of operations, for all contenders alike. */

import { randomBytes } from 'node:crypto';
import { type ByteList, itemOf } from '../../src/model/key-list.ts';
import { readCpuSeconds } from '../load/process-facts.ts';

export const batchSize = 1_000;
export const keySize = 16;
export const value = Uint8Array.from({ length: 100 }, (_, i) => 0x61 + (i % 26));

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
  /** The same keys in another order. */
  readonly #shuffled: Uint8Array;
  #next = 0;

  constructor(count: number) {
    this.count = count;
    this.#bytes = new Uint8Array(count * keySize);
    for (let at = 0; at < this.#bytes.length; at += 65_536) {
      this.#bytes.set(randomBytes(Math.min(65_536, this.#bytes.length - at)), at);
    }
    this.#shuffled = shuffle(this.#bytes, 0, count);
  }

  at(i: number): Uint8Array {
    return this.#bytes.subarray(i * keySize, (i + 1) * keySize);
  }

  /** Keys [from, until), as they were put. */
  slice(from: number, until: number): ByteList {
    return listIn(this.#bytes, from, until);
  }

  /** `count` keys of all, in no order; all of them come before one comes again. */
  some(count: number): ByteList {
    const from = this.#next + count > this.count ? 0 : this.#next;
    this.#next = from + count;
    return listIn(this.#shuffled, from, from + count);
  }

  /** Keys [from, until), in no order. */
  mixed(from: number, until: number): ByteList {
    return listIn(shuffle(this.#bytes, from, until), 0, until - from);
  }
}

function shuffle(bytes: Uint8Array, from: number, until: number): Uint8Array {
  const mixed = bytes.slice(from * keySize, until * keySize);
  const one = new Uint8Array(keySize);
  for (let i = until - from - 1; i > 0; i--) {
    const other = Math.floor(Math.random() * (i + 1));
    one.set(mixed.subarray(i * keySize, (i + 1) * keySize));
    mixed.copyWithin(i * keySize, other * keySize, (other + 1) * keySize);
    mixed.set(one, other * keySize);
  }
  return mixed;
}

function listIn(bytes: Uint8Array, from: number, until: number): ByteList {
  return {
    bytes: bytes.subarray(from * keySize, until * keySize),
    ends: Uint32Array.from({ length: until - from }, (_, i) => (i + 1) * keySize),
  };
}

/** A part of a list of keys. */
export function partOf({ bytes }: ByteList, from: number, until: number): ByteList {
  return listIn(bytes, from, until);
}

export function itemsOf(list: ByteList): Uint8Array[] {
  return Array.from(list.ends, (_, i) => itemOf(list, i));
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
  /** Of the server, or of all nodes. */
  readonly pid: number | readonly number[];
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
  const cpuSeconds = () => [pid].flat().reduce((sum, one) => sum + readCpuSeconds(one), 0);
  const cpuBefore = cpuSeconds();
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
  const cpuMicros = ((cpuSeconds() - cpuBefore) / total) * 1e6;
  latencies.sort();
  const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)];
  return { what, perSecond: total / seconds, cpuMicros, p50, p99 };
}
