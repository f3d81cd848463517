/**
 * Byte strings end to end: how keys and values travel in bulk. Item i is `bytes[ends[i - 1], ends[i])`, the
 * first starts at 0. Plain data, structured-clone-able; no object per item.
 */

import { invariant } from '../base/errors.ts';

export interface ByteList {
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
}

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

/** Grows a list; every item is copied. */
export class ByteListBuilder {
  #bytes: Uint8Array;
  #ends: Uint32Array;
  #count = 0;
  #size = 0;

  constructor(byteCapacity = bytesFirst, itemCapacity = itemsFirst) {
    this.#bytes = new Uint8Array(Math.max(byteCapacity, 8));
    this.#ends = new Uint32Array(Math.max(itemCapacity, 4));
  }

  get count(): number {
    return this.#count;
  }

  get size(): number {
    return this.#size;
  }

  add(source: Uint8Array, from = 0, size = source.length): void {
    const end = this.#size + size;
    invariant(end <= 0xffffffff, 'a list of bytes has 32-bit offsets');
    if (end > this.#bytes.length) this.#growBytes(end);
    if (this.#count === this.#ends.length) {
      const grown = new Uint32Array(this.#count * 2);
      grown.set(this.#ends);
      this.#ends = grown;
    }
    copyBytes(source, from, size, this.#bytes, this.#size);
    this.#size = end;
    this.#ends[this.#count++] = end;
  }

  #growBytes(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }

  /** A copy of exactly what was added, in buffers of its own; the builder is empty again. */
  take(): ByteList {
    const list = {
      bytes: this.#bytes.slice(0, this.#size),
      ends: this.#ends.slice(0, this.#count),
    };
    this.#count = 0;
    this.#size = 0;
    return list;
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
