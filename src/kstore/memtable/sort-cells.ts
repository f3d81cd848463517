/**
 * Sorts cells by their keys, in slices short enough for a thread that also takes writes.
 *
 * Most significant bytes first: a large group is dealt out by one byte, after the bytes that all its keys
 * share; a small one is sorted by the native sort over doubles that hold four bytes of the key and the place
 * in the group, and what is still equal then goes on four bytes deeper.
 */

import type { Pacer } from '../store/pacer.ts';
import type { TableCells } from './table-cells.ts';

/** Sorted in one go, about 5 ms. */
const groupSizeMax = 16_384;
/** Sorted by comparing whole keys. */
const smallGroup = 24;
const digitSize = 4;
/** A place in a group is below it; with 32 bits of the key it stays exact in a double. */
const placeLimit = 2 ** 15;
const cellsPerLook = 4096;
/** A byte of the key, or that it has ended, which comes first. */
const classes = 257;

interface Group {
  readonly from: number;
  readonly until: number;
  readonly depth: number;
}

class CellSorter {
  readonly #cells: TableCells;
  readonly #order: Uint32Array;
  readonly #pacer: Pacer;
  readonly #groups: Group[] = [];
  #spare = new Uint32Array(0);

  constructor(cells: TableCells, order: Uint32Array, pacer: Pacer) {
    this.#cells = cells;
    this.#order = order;
    this.#pacer = pacer;
  }

  async sort(): Promise<void> {
    this.#groups.push({ from: 0, until: this.#order.length, depth: 0 });
    for (let group = this.#groups.pop(); group !== undefined; group = this.#groups.pop()) {
      const size = group.until - group.from;
      if (size <= smallGroup) this.#sortSmall(group);
      else {
        const deeper = { ...group, depth: await this.#sharedSize(group) };
        if (size <= groupSizeMax) this.#sortGroup(deeper);
        else await this.#deal(deeper);
      }
      if (this.#pacer.isDue) await this.#pacer.breathe();
    }
  }

  /** Bytes [0, n) that all keys of the group share; at least `depth`. */
  async #sharedSize({ from, until, depth }: Group): Promise<number> {
    const cells = this.#cells;
    const order = this.#order;
    const first = order[from]!;
    const { bytes, entries } = cells.frameAt(first);
    const start = entries[cells.entryOf[first]! * 4]!;
    let shared = entries[cells.entryOf[first]! * 4 + 1]!;
    for (let i = from + 1; i < until && shared > depth; i++) {
      const cell = order[i]!;
      const frame = cells.frameAt(cell);
      const at = cells.entryOf[cell]! * 4;
      const size = Math.min(shared, frame.entries[at + 1]!);
      const own = frame.entries[at]!;
      let same = depth;
      while (same < size && frame.bytes[own + same] === bytes[start + same]) same++;
      shared = same;
      if (i % cellsPerLook === 0 && this.#pacer.isDue) await this.#pacer.breathe();
    }
    return Math.max(shared, depth);
  }

  #classOf(cell: number, depth: number): number {
    const frame = this.#cells.frameAt(cell);
    const at = this.#cells.entryOf[cell]! * 4;
    return depth < frame.entries[at + 1]! ? frame.bytes[frame.entries[at]! + depth]! + 1 : 0;
  }

  /** `depth`: the first byte in which keys differ. */
  async #deal(group: Group): Promise<void> {
    const { from, until, depth } = group;
    const order = this.#order;
    const ends = new Uint32Array(classes);
    for (let i = from; i < until; i++) {
      const one = this.#classOf(order[i]!, depth);
      ends[one] = ends[one]! + 1;
      if (i % cellsPerLook === 0 && this.#pacer.isDue) await this.#pacer.breathe();
    }
    let sum = 0;
    for (let one = 0; one < classes; one++) {
      const size = ends[one]!;
      ends[one] = sum;
      // The class of keys that have ended holds one key at most.
      if (size > 1) this.#groups.push({ from: from + sum, until: from + sum + size, depth });
      sum += size;
    }
    if (this.#spare.length < until - from) this.#spare = new Uint32Array(until - from);
    const spare = this.#spare;
    for (let i = from; i < until; i++) {
      const cell = order[i]!;
      const one = this.#classOf(cell, depth);
      spare[ends[one]!] = cell;
      ends[one] = ends[one]! + 1;
      if (i % cellsPerLook === 0 && this.#pacer.isDue) await this.#pacer.breathe();
    }
    order.set(spare.subarray(0, until - from), from);
  }

  /** Four bytes of the key from `depth` on, zeros where it has ended. */
  #digit(cell: number, depth: number): number {
    const frame = this.#cells.frameAt(cell);
    const at = this.#cells.entryOf[cell]! * 4;
    const start = frame.entries[at]! + depth;
    const rest = frame.entries[at + 1]! - depth;
    const { bytes } = frame;
    if (rest >= digitSize) {
      const high = (bytes[start]! << 8) | bytes[start + 1]!;
      return high * 65536 + ((bytes[start + 2]! << 8) | bytes[start + 3]!);
    }
    let digit = 0;
    for (let i = 0; i < digitSize; i++) digit = digit * 256 + (i < rest ? bytes[start + i]! : 0);
    return digit;
  }

  #sortSmall({ from, until, depth }: Group): void {
    const part = Array.from(this.#order.subarray(from, until));
    part.sort((a, b) => this.#cells.compare(a, b, depth));
    this.#order.set(part, from);
  }

  #sortGroup({ from, until, depth }: Group): void {
    const order = this.#order;
    const size = until - from;
    const packed = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      packed[i] = this.#digit(order[from + i]!, depth) * placeLimit + i;
    }
    packed.sort();
    const before = order.slice(from, until);
    let runStart = 0;
    let runDigit = -1;
    for (let i = 0; i < size; i++) {
      const digit = Math.floor(packed[i]! / placeLimit);
      order[from + i] = before[packed[i]! - digit * placeLimit]!;
      if (digit === runDigit) continue;
      this.#goOn(from + runStart, from + i, depth);
      runStart = i;
      runDigit = digit;
    }
    this.#goOn(from + runStart, until, depth);
  }

  /** Keys that share the next four bytes, or have ended and differ in trailing zeros. */
  #goOn(from: number, until: number, depth: number): void {
    if (until - from < 2) return;
    const hasMore = this.#hasKeyBeyond(from, until, depth + digitSize);
    if (hasMore) this.#groups.push({ from, until, depth: depth + digitSize });
    else this.#sortSmall({ from, until, depth });
  }

  #hasKeyBeyond(from: number, until: number, depth: number): boolean {
    const cells = this.#cells;
    for (let i = from; i < until; i++) {
      const cell = this.#order[i]!;
      if (cells.frameAt(cell).entries[cells.entryOf[cell]! * 4 + 1]! > depth) return true;
    }
    return false;
  }
}

/** Cells [from, until) in order of their keys. @throws CitadelError `cancelled` */
export async function sortCells(
  cells: TableCells,
  from: number,
  until: number,
  pacer: Pacer,
): Promise<Uint32Array> {
  const order = new Uint32Array(until - from);
  for (let i = 0; i < order.length; i++) order[i] = from + i;
  await new CellSorter(cells, order, pacer).sort();
  return order;
}
