/**
 * Dictionary of byte strings: each gets the next small number, found again by hash, then by compare.
 *
 * Open addressing over typed arrays, at most half full; the bytes lie in an arena that many tables
 * share. Costs 16 to 24 bytes an entry beside the string.
 */

import { hash32 } from '../../base/hash.ts';
import type { ByteArena } from './byte-arena.ts';
import { GrowableUint32 } from './growable.ts';

const capacityFirst = 16;

export class ByteTable {
  private readonly arena: ByteArena;
  private readonly addresses = new GrowableUint32();
  private readonly hashes = new GrowableUint32();
  /** Entry number + 1; 0 = free. */
  private buckets = new Uint32Array(capacityFirst);
  private occupied = 0;

  constructor(arena: ByteArena) {
    this.arena = arena;
  }

  /** Numbers given so far, removed ones included. */
  get size(): number {
    return this.addresses.length;
  }

  /** -1 = not there. */
  find(bytes: Uint8Array, hash = hash32(bytes)): number {
    const mask = this.buckets.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = this.buckets[at]! - 1;
      if (entry < 0) return -1;
      if (this.hashes.values[entry] === hash) {
        if (this.arena.equals(this.addresses.values[entry]!, bytes)) return entry;
      }
    }
  }

  /** The bytes must not be there yet. */
  add(bytes: Uint8Array, hash = hash32(bytes)): number {
    if ((this.occupied + 1) * 2 > this.buckets.length) this.grow();
    const entry = this.addresses.length;
    this.addresses.push(this.arena.add(bytes));
    this.hashes.push(hash);
    this.place(entry, hash);
    return entry;
  }

  findOrAdd(bytes: Uint8Array): number {
    const hash = hash32(bytes);
    const found = this.find(bytes, hash);
    return found >= 0 ? found : this.add(bytes, hash);
  }

  /** A view, not a copy. */
  bytesOf(entry: number): Uint8Array {
    return this.arena.get(this.addresses.values[entry]!);
  }

  /** Its number is not given again; the same bytes would get a new one. */
  remove(entry: number): void {
    const mask = this.buckets.length - 1;
    let hole = this.hashes.values[entry]! & mask;
    while (this.buckets[hole] !== entry + 1) hole = (hole + 1) & mask;
    // Later entries of the same run move up, so that no search stops early at the hole.
    for (let at = (hole + 1) & mask; this.buckets[at] !== 0; at = (at + 1) & mask) {
      const home = this.hashes.values[this.buckets[at]! - 1]! & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.buckets[hole] = this.buckets[at]!;
      hole = at;
    }
    this.buckets[hole] = 0;
    this.occupied--;
  }

  get memoryBytes(): number {
    return this.buckets.byteLength + this.addresses.memoryBytes + this.hashes.memoryBytes;
  }

  private place(entry: number, hash: number): void {
    const mask = this.buckets.length - 1;
    let at = hash & mask;
    while (this.buckets[at] !== 0) at = (at + 1) & mask;
    this.buckets[at] = entry + 1;
    this.occupied++;
  }

  private grow(): void {
    const old = this.buckets;
    this.buckets = new Uint32Array(old.length * 2);
    this.occupied = 0;
    for (const stored of old) {
      if (stored > 0) this.place(stored - 1, this.hashes.values[stored - 1]!);
    }
  }
}
