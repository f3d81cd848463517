/**
 * Turns series keys into numbers that sort like them, so that rows of equal time are ordered by
 * comparing numbers. Keys are sorted again only when a block brings new ones.
 */

import { compareText } from '../../scan/text-order.ts';

/** Keys that no block uses any more are forgotten beyond this multiple of those in use. */
const staleFactor = 4;
const keysKeptMin = 1_024;

export class SeriesRanks {
  #idOf = new Map<string, number>();
  #keys: string[] = [];
  #rankOf = new Uint32Array(0);

  /** Whether every rank handed out before must be asked for again. */
  add(series: readonly string[]): boolean {
    const before = this.#keys.length;
    for (const key of series) {
      if (this.#idOf.has(key)) continue;
      this.#idOf.set(key, this.#keys.length);
      this.#keys.push(key);
    }
    if (this.#keys.length === before) return false;
    this.#sort();
    return true;
  }

  /** Rank of each key; all were added before. */
  ranks(series: readonly string[]): Uint32Array {
    const ranks = new Uint32Array(series.length);
    for (let i = 0; i < series.length; i++) ranks[i] = this.#rankOf[this.#idOf.get(series[i]!)!]!;
    return ranks;
  }

  isStale(keysInUse: number): boolean {
    return this.#keys.length > keysKeptMin + staleFactor * keysInUse;
  }

  clear(): void {
    this.#idOf = new Map();
    this.#keys = [];
  }

  #sort(): void {
    const keys = this.#keys;
    const order = Array.from(keys, (_, id) => id);
    order.sort((a, b) => compareText(keys[a]!, keys[b]!));
    this.#rankOf = new Uint32Array(keys.length);
    for (let rank = 0; rank < order.length; rank++) this.#rankOf[order[rank]!] = rank;
  }
}
