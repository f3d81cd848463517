/**
 * Byte strings end to end: how keys and values travel in bulk. Item i is `bytes[ends[i - 1], ends[i])`, the
 * first starts at 0. Plain data, structured-clone-able; no object per item.
 */

import { invariant } from '../base/errors.ts';

export interface ByteList {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

const noBytes = new Uint8Array(0);
const noEnds = new Uint32Array(0);
const bytesFirst = 1024;
const itemsFirst = 16;
/** Below it a loop copies faster than a call. */
const loopSizeMax = 48;

/** Copies a short or long stretch of bytes. */
export function copyBytes(
  source: Uint8Array,
  from: number,
  size: number,
  target: Uint8Array,
  at: number,
): void {
  if (size > loopSizeMax) {
    target.set(source.subarray(from, from + size), at);
    return;
  }
  for (let i = 0; i < size; i++) target[at + i] = source[from + i]!;
}

export function startOf(list: ByteList, i: number): number {
  return i === 0 ? 0 : list.ends[i - 1]!;
}

export function sizeOf(list: ByteList, i: number): number {
  return list.ends[i]! - startOf(list, i);
}

/** A view. */
export function itemOf(list: ByteList, i: number): Uint8Array {
  return list.bytes.subarray(startOf(list, i), list.ends[i]!);
}

/** An array that is nearly full passes as it is: a copy would cost more than its end is worth. */
function isNearlyFull(used: number, capacity: number): boolean {
  return used * 4 >= capacity * 3;
}

/** Grows a list; every item is copied. */
export class ByteListBuilder {
  #bytes: Uint8Array;
  #ends: Uint32Array;
  #count = 0;
  #size = 0;
  /** Of arrays that are made anew. */
  #byteCapacity: number;
  #itemCapacity: number;

  constructor(byteCapacity = bytesFirst, itemCapacity = itemsFirst) {
    this.#byteCapacity = Math.max(byteCapacity, 8);
    this.#itemCapacity = Math.max(itemCapacity, 4);
    this.#bytes = new Uint8Array(this.#byteCapacity);
    this.#ends = new Uint32Array(this.#itemCapacity);
  }

  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#size;
  }

  add(source: Uint8Array, from = 0, size = source.length): void {
    const end = this.#size + size;
    if (end > this.#bytes.length) this.#growBytes(end);
    if (this.#count === this.#ends.length) this.#growEnds(this.#count + 1);
    copyBytes(source, from, size, this.#bytes, this.#size);
    this.#size = end;
    this.#ends[this.#count++] = end;
  }

  /** Items [from, until) of another list. */
  addItems(list: ByteList, from: number, until: number): void {
    const start = startOf(list, from);
    const size = startOf(list, until) - start;
    const at = this.#size;
    const count = this.#count + until - from;
    if (at + size > this.#bytes.length) this.#growBytes(at + size);
    if (count > this.#ends.length) this.#growEnds(count);
    copyBytes(list.bytes, start, size, this.#bytes, at);
    const moved = at - start;
    const ends = this.#ends;
    for (let i = from, to = this.#count; i < until; i++, to++) ends[to] = list.ends[i]! + moved;
    this.#size = at + size;
    this.#count = count;
  }

  #growBytes(needed: number): void {
    invariant(needed <= 0xffffffff, 'a list of bytes has 32-bit offsets');
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2, this.#byteCapacity));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }

  #growEnds(needed: number): void {
    const grown = new Uint32Array(Math.max(needed, this.#ends.length * 2, this.#itemCapacity));
    grown.set(this.#ends.subarray(0, this.#count));
    this.#ends = grown;
  }

  /** What was added, in buffers of its own, of which a quarter may be unused; the builder is empty again. */
  take(): ByteList {
    const list = { bytes: this.#takeBytes(), ends: this.#takeEnds() };
    this.#count = 0;
    this.#size = 0;
    return list;
  }

  #takeBytes(): Uint8Array {
    const bytes = this.#bytes;
    if (!isNearlyFull(this.#size, bytes.length)) return bytes.slice(0, this.#size);
    this.#byteCapacity = bytes.length;
    this.#bytes = noBytes;
    return bytes.subarray(0, this.#size);
  }

  #takeEnds(): Uint32Array {
    const ends = this.#ends;
    if (!isNearlyFull(this.#count, ends.length)) return ends.slice(0, this.#count);
    this.#itemCapacity = ends.length;
    this.#ends = noEnds;
    return ends.subarray(0, this.#count);
  }
}

export function listOf(items: readonly Uint8Array[]): ByteList {
  const builder = new ByteListBuilder(
    items.reduce((sum, item) => sum + item.length, 0),
    items.length,
  );
  for (const item of items) builder.add(item);
  return builder.take();
}
