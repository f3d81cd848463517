/**
 * The newest entry of every key of one table in memory: an open-addressing hash over the bytes of the keys,
 * which stay in their frames. A cell is a frame and an entry of it; no object per key.
 *
 * Of two entries of a key the greater stamp wins; in one frame the later entry.
 */

import { compareParts } from '../../base/bytes.ts';
import { invariant } from '../../base/errors.ts';

/** A frame as the memtable keeps it: views, stamp. */
export interface MemFrame {
  readonly bytes: Uint8Array;
  /** Four words an entry (model/kv-frame.ts). */
  readonly entries: Uint32Array;
  readonly entryCount: number;
  readonly hlc: number;
  /** 16 hex digits. */
  readonly origin: string;
}

const cellsFirst = 64;
/** Slots per cell, at least. */
const slotFactor = 2;
/** Of a cell: frame, entry and hash, with room to grow, and its slots. */
const cellBytes = 4 * 3 * 1.5 + 4 * slotFactor * 1.5;

/** Spreads like a good hash of the whole key; seeded, so that clients cannot choose keys that collide. */
export function hashKey(bytes: Uint8Array, start: number, size: number, seed: number): number {
  let hash = seed ^ size;
  for (let i = start; i < start + size; i++) {
    hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function compareStamps(
  a: { readonly hlc: number; readonly origin: string },
  b: { readonly hlc: number; readonly origin: string },
): number {
  if (a.hlc !== b.hlc) return a.hlc - b.hlc;
  if (a.origin === b.origin) return 0;
  return a.origin < b.origin ? -1 : 1;
}

export class TableCells {
  /** Index of a cell's frame and of its entry there. */
  frameOf = new Uint32Array(cellsFirst);
  entryOf = new Uint32Array(cellsFirst);
  readonly frames: MemFrame[] = [];
  count = 0;
  #hashOf = new Uint32Array(cellsFirst);
  /** Cell + 1; 0 = free. */
  #slots = new Int32Array(cellsFirst * slotFactor);
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get indexBytes(): number {
    return this.count * cellBytes;
  }

  add(frame: MemFrame): void {
    const frameNo = this.frames.push(frame) - 1;
    const { bytes, entries, entryCount } = frame;
    for (let entry = 0; entry < entryCount; entry++) {
      const start = entries[entry * 4]!;
      const size = entries[entry * 4 + 1]!;
      const hash = hashKey(bytes, start, size, this.#seed);
      const slot = this.#slotOf(bytes, start, size, hash);
      const known = this.#slots[slot]! - 1;
      if (known < 0) this.#insert(slot, hash, frameNo, entry);
      else if (compareStamps(frame, this.frames[this.frameOf[known]!]!) >= 0) {
        this.frameOf[known] = frameNo;
        this.entryOf[known] = entry;
      }
    }
  }

  /** The key's cell, or -1. */
  find(bytes: Uint8Array, start: number, size: number): number {
    const hash = hashKey(bytes, start, size, this.#seed);
    return this.#slots[this.#slotOf(bytes, start, size, hash)]! - 1;
  }

  /** The slot that holds the key, or the free one where it belongs. */
  #slotOf(bytes: Uint8Array, start: number, size: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const cell = slots[slot]! - 1;
      if (cell < 0) return slot;
      if (this.#hashOf[cell] === hash && this.#hasKey(cell, bytes, start, size)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #hasKey(cell: number, bytes: Uint8Array, start: number, size: number): boolean {
    const frame = this.frames[this.frameOf[cell]!]!;
    const at = this.entryOf[cell]! * 4;
    if (frame.entries[at + 1] !== size) return false;
    const own = frame.entries[at]!;
    const ownBytes = frame.bytes;
    for (let i = 0; i < size; i++) if (ownBytes[own + i] !== bytes[start + i]) return false;
    return true;
  }

  #insert(slot: number, hash: number, frameNo: number, entry: number): void {
    const cell = this.count++;
    if (cell === this.frameOf.length) this.#growCells();
    this.frameOf[cell] = frameNo;
    this.entryOf[cell] = entry;
    this.#hashOf[cell] = hash;
    this.#slots[slot] = cell + 1;
    if (this.count * slotFactor > this.#slots.length) this.#growSlots();
  }

  #growCells(): void {
    const grow = (old: Uint32Array) => {
      const grown = new Uint32Array(old.length * 2);
      grown.set(old);
      return grown;
    };
    this.frameOf = grow(this.frameOf);
    this.entryOf = grow(this.entryOf);
    this.#hashOf = grow(this.#hashOf);
  }

  #growSlots(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let cell = 0; cell < this.count; cell++) {
      let slot = this.#hashOf[cell]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = cell + 1;
    }
    invariant(slots.length > this.count, 'a hash has free slots');
    this.#slots = slots;
  }

  frameAt(cell: number): MemFrame {
    return this.frames[this.frameOf[cell]!]!;
  }

  /** Order of the keys of two cells. */
  compare(a: number, b: number, depth = 0): number {
    const frameA = this.frameAt(a);
    const frameB = this.frameAt(b);
    const atA = this.entryOf[a]! * 4;
    const atB = this.entryOf[b]! * 4;
    const startA = frameA.entries[atA]!;
    const startB = frameB.entries[atB]!;
    const sizeA = frameA.entries[atA + 1]!;
    const sizeB = frameB.entries[atB + 1]!;
    return compareParts(frameA.bytes, startA, sizeA, frameB.bytes, startB, sizeB, depth);
  }
}
