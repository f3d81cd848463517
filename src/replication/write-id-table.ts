/**
 * Write ids seen lately: a retry of an accepted write gets the entry it already made, not a second one.
 *
 * An id counts for 60 s and the table holds at most 65,536; the oldest go first. The same id with other
 * content is another write.
 */

import type { Hlc } from '../model/entry.ts';
import { Fifo } from './fifo.ts';

export const writeIdLifeMs = 60_000;
export const writeIdCountMax = 65_536;

export interface AcceptedWrite {
  readonly checksum: number;
  readonly origin: string;
  readonly sequence: number;
  readonly hlc: Hlc;
  readonly lsn: number;
  /** Monotonic ms. */
  readonly acceptedMs: number;
}

/** Latin-1 text of the 16 bytes: a map key that costs one short string. */
export function toWriteIdKey(writeId: Uint8Array): string {
  return String.fromCharCode(...writeId);
}

export class WriteIdTable {
  readonly #countMax: number;
  readonly #writes = new Map<string, AcceptedWrite>();
  /**
   * By age, with the keys in the same order. The map alone knows the order too, but finding its oldest entry means
   * stepping over all that were deleted before: 60 µs per write in a full table.
   */
  readonly #byAge = new Fifo<AcceptedWrite>();
  readonly #keysByAge = new Fifo<string>();

  constructor(countMax: number = writeIdCountMax) {
    this.#countMax = countMax;
  }

  get size(): number {
    return this.#writes.size;
  }

  find(key: string, checksum: number, nowMs: number): AcceptedWrite | undefined {
    const write = this.#writes.get(key);
    if (write === undefined || write.checksum !== checksum) return undefined;
    return nowMs - write.acceptedMs < writeIdLifeMs ? write : undefined;
  }

  /** Those that still count, oldest first. */
  *recent(nowMs: number): Generator<[string, AcceptedWrite]> {
    for (const entry of this.#writes) {
      if (nowMs - entry[1].acceptedMs < writeIdLifeMs) yield entry;
    }
  }

  add(key: string, write: AcceptedWrite): void {
    this.#writes.delete(key);
    this.#writes.set(key, write);
    this.#byAge.push(write);
    this.#keysByAge.push(key);
    this.#dropOld(write.acceptedMs);
  }

  /** Takes back entries that never became durable. */
  removeAbove(lsn: number): void {
    for (const [key, write] of this.#writes) {
      if (write.lsn > lsn) this.#writes.delete(key);
    }
  }

  #dropOld(nowMs: number): void {
    for (let write = this.#byAge.at(0); write !== undefined; write = this.#byAge.at(0)) {
      const isExpired = nowMs - write.acceptedMs >= writeIdLifeMs;
      if (!isExpired && this.#byAge.length <= this.#countMax) return;
      this.#byAge.shift();
      const key = this.#keysByAge.shift() ?? '';
      // A key that was added again since is younger than this.
      if (this.#writes.get(key) === write) this.#writes.delete(key);
    }
  }
}
