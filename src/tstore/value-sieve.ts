/**
 * Which values of tags the stores of one thread may have, in memory that another thread looks into before it wakes
 * that thread for a scan: a Bloom filter.
 *
 * Invariants
 *  - A bit is set when a value enters an index, so before the write that brought it is acknowledged, and is never
 *    taken back: what the sieve denies no index of the thread has.
 *  - Before the owner has declared itself whole nothing is denied: what damage hides must be asked for to be told.
 */

import { hash32 } from '../base/hash.ts';
import { encodeText } from '../base/text.ts';
import type { ShardPlan } from '../model/plan.ts';
import { listedTags } from '../scan/listed-values.ts';

/** Of four million bits two for each value: with a million values every seventh answer is wrong, which costs a wake. */
const bitCount = 4_194_304;
/** The first word: 1 = the owner is whole. */
const firstBit = 32;

/** A column of values: what all of them are mixed with. */
export function columnSeed(dbId: string, measurement: string, tag: string): number {
  return hash32(encodeText(`${dbId}\0${measurement}\0${tag}`));
}

/** The finish of MurmurHash3: every bit of the number reaches every bit of the answer. */
function mix(number: number): number {
  let mixed = number ^ (number >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function markOf(seed: number, value: Uint8Array): ValueMark {
  const first = mix(hash32(value) ^ seed);
  return { first, second: mix(first + seed) };
}

/** Hashes that stand for a value of a tag in every sieve. */
export interface ValueMark {
  readonly first: number;
  readonly second: number;
}

/** Per condition of a plan that lists values of a tag: the marks of those. Made once, asked of many sieves. */
export function markPlan({ dbId, measurement, where }: ShardPlan): readonly ValueMark[][] {
  return listedTags(where).map(({ tag, values }) => {
    const seed = columnSeed(dbId, measurement, tag);
    return values.map((value) => markOf(seed, value));
  });
}

export class ValueSieve {
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;

  /** Over the memory of another thread's sieve, or over memory of its own. */
  constructor(memory = new SharedArrayBuffer((firstBit + bitCount) / 8)) {
    this.memory = memory;
    this.words = new Int32Array(memory);
  }

  /** From here on it may be trusted. */
  declareWhole(): void {
    Atomics.store(this.words, 0, 1);
  }

  add(seed: number, value: Uint8Array): void {
    const { first, second } = markOf(seed, value);
    this.set(first);
    this.set(second);
  }

  /** False: no series of the plan that was marked is in any store of the thread. */
  mayAnswer(marks: readonly (readonly ValueMark[])[]): boolean {
    if (Atomics.load(this.words, 0) !== 1) return true;
    return marks.every((values) => values.some((mark) => this.mayHave(mark)));
  }

  private mayHave({ first, second }: ValueMark): boolean {
    return this.has(first) && this.has(second);
  }

  private set(hash: number): void {
    const bit = firstBit + ((hash >>> 0) % bitCount);
    Atomics.or(this.words, bit >>> 5, 1 << (bit & 31));
  }

  private has(hash: number): boolean {
    const bit = firstBit + ((hash >>> 0) % bitCount);
    return (Atomics.load(this.words, bit >>> 5) & (1 << (bit & 31))) !== 0;
  }
}
