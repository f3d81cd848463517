/**
 * A set of byte strings, each with a number from 0: an arena of bytes, flat arrays and an open-addressed
 * hash table. No object per entry; finding a string allocates nothing.
 */

import { viewOf } from '../base/bytes.ts';

const capacityFirst = 64;
const arenaFirst = 4_096;
const hashPrime = 0x01000193;

/** FNV-1a; fast-row.ts does the same while it scans. */
export function hashBytes(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = seed;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, hashPrime);
  return hash;
}

/** Four bytes a step; both ranges must lie inside their views. */
export function equalRanges(
  a: DataView,
  aStart: number,
  b: DataView,
  bStart: number,
  size: number,
): boolean {
  if (size < 4) {
    for (let i = 0; i < size; i++) {
      if (a.getUint8(aStart + i) !== b.getUint8(bStart + i)) return false;
    }
    return true;
  }
  const last = size - 4;
  for (let i = 0; i < last; i += 4) {
    if (a.getInt32(aStart + i, true) !== b.getInt32(bStart + i, true)) return false;
  }
  return a.getInt32(aStart + last, true) === b.getInt32(bStart + last, true);
}

export function growUint32(old: Uint32Array, capacity: number): Uint32Array {
  const grown = new Uint32Array(capacity);
  grown.set(old);
  return grown;
}

/** Below this a loop is cheaper than a view and a call. */
const shortSizeMax = 200;

function copyBytes(
  source: Uint8Array,
  start: number,
  size: number,
  target: Uint8Array,
  at: number,
): void {
  if (size > shortSizeMax) target.set(source.subarray(start, start + size), at);
  else for (let i = 0; i < size; i++) target[at + i] = source[start + i]!;
}

export class ByteTable {
  count = 0;
  arena: Uint8Array = new Uint8Array(arenaFirst);
  view: DataView = viewOf(this.arena);
  starts: Uint32Array = new Uint32Array(capacityFirst);
  sizes: Uint32Array = new Uint32Array(capacityFirst);
  private hashes: Uint32Array = new Uint32Array(capacityFirst);
  /** Entry + 1; 0 = free. At most half full. */
  private slots: Uint32Array = new Uint32Array(capacityFirst * 2);
  private slotShift = 32 - Math.log2(capacityFirst * 2);
  private arenaSize = 0;

  get capacity(): number {
    return this.starts.length;
  }

  get byteSize(): number {
    return this.arena.length + this.starts.length * 12 + this.slots.length * 4;
  }

  /** A view into the arena. */
  bytes(entry: number): Uint8Array {
    const start = this.starts[entry]!;
    return this.arena.subarray(start, start + this.sizes[entry]!);
  }

  /** True when the entry's bytes stand at `at`; they must fit into the view. */
  matches(entry: number, source: DataView, at: number): boolean {
    return equalRanges(source, at, this.view, this.starts[entry]!, this.sizes[entry]!);
  }

  /** -1 when there is none. `hash` must be a function of the bytes. */
  find(source: DataView, start: number, size: number, hash: number): number {
    const mask = this.slots.length - 1;
    const wanted = hash >>> 0;
    let slot = this.slotOf(wanted);
    for (;;) {
      const entry = this.slots[slot]! - 1;
      if (entry < 0) return -1;
      if (
        this.hashes[entry] === wanted &&
        this.sizes[entry] === size &&
        this.matches(entry, source, start)
      ) {
        return entry;
      }
      slot = (slot + 1) & mask;
    }
  }

  /** As `find`, for short strings of which nobody holds a view. */
  findBytes(source: Uint8Array, start: number, size: number, hash: number): number {
    const mask = this.slots.length - 1;
    const wanted = hash >>> 0;
    let slot = this.slotOf(wanted);
    for (;;) {
      const entry = this.slots[slot]! - 1;
      if (entry < 0) return -1;
      if (this.hashes[entry] === wanted && this.sizes[entry] === size) {
        const own = this.starts[entry]!;
        let i = 0;
        while (i < size && this.arena[own + i] === source[start + i]) i++;
        if (i === size) return entry;
      }
      slot = (slot + 1) & mask;
    }
  }

  /** The bytes must not be there yet. Returns the new entry's number. */
  add(source: Uint8Array, start: number, size: number, hash: number): number {
    const entry = this.count;
    if (entry === this.starts.length) this.grow();
    this.reserve(size);
    copyBytes(source, start, size, this.arena, this.arenaSize);
    this.starts[entry] = this.arenaSize;
    this.sizes[entry] = size;
    this.hashes[entry] = hash;
    this.arenaSize += size;
    this.count = entry + 1;
    this.insert(entry);
    return entry;
  }

  private slotOf(hash: number): number {
    // The multiplier (2^32 / golden ratio) spreads all bits into the high ones.
    return Math.imul(hash, 0x9e3779b1) >>> this.slotShift;
  }

  private insert(entry: number): void {
    const mask = this.slots.length - 1;
    let slot = this.slotOf(this.hashes[entry]!);
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = entry + 1;
  }

  private reserve(size: number): void {
    const needed = this.arenaSize + size;
    if (needed <= this.arena.length) return;
    const grown = new Uint8Array(Math.max(needed, this.arena.length * 2));
    grown.set(this.arena.subarray(0, this.arenaSize));
    this.arena = grown;
    this.view = viewOf(grown);
  }

  private grow(): void {
    const capacity = this.starts.length * 2;
    this.starts = growUint32(this.starts, capacity);
    this.sizes = growUint32(this.sizes, capacity);
    this.hashes = growUint32(this.hashes, capacity);
    this.slots = new Uint32Array(capacity * 2);
    this.slotShift = 32 - Math.log2(capacity * 2);
    for (let entry = 0; entry < this.count; entry++) this.insert(entry);
  }
}
