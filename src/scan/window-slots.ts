/**
 * Which accumulator slot a row belongs to: slots are numbered in order of first use, one per time
 * window [k * interval + offset, (k + 1) * interval + offset), floor semantics, before 1970 too.
 *
 * A batch is cut once into runs of rows of one window; every aggregate then loops over runs. Windows
 * are found by galloping, so wide windows cost next to nothing per row. A dense table maps window
 * numbers to slots while their spread is small, else a map does.
 */

import { CitadelError } from '../base/errors.ts';
import { BaseTime, wordsOf } from './base-time.ts';

/** Counts windows over all groups of a plan. */
export class BucketBudget {
  readonly limit: number;
  #used = 0;

  /** 0 = unlimited. */
  constructor(limit: number) {
    this.limit = limit;
  }

  take(): void {
    this.#used++;
    if (this.limit > 0 && this.#used > this.limit) {
      throw new CitadelError(
        'limit-exceeded',
        `max-select-buckets limit exceeded: (${this.#used}/${this.limit})`,
      );
    }
  }
}

export interface WindowGrid {
  /** 0n = one window for everything. */
  readonly intervalNs: bigint;
  readonly offsetNs: bigint;
}

const nothing = new Uint32Array(0);
const runsMin = 16;
/** A table of this many windows is always fine; a larger one when it is filled well enough. */
const tableSizeMax = 1 << 16;
const windowsPerSlotMax = 16;

export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return quotient * b > a ? quotient - 1n : quotient;
}

export class WindowSlots {
  /** Runs of the batch last located: rows [runEnds[i - 1] or 0, runEnds[i]) go to runSlots[i]. */
  runCount = 0;
  runEnds = nothing;
  runSlots = nothing;
  readonly #grid: WindowGrid;
  readonly #budget: BucketBudget;
  /** Per slot its window number less `#origin`: a number, a bigint where that is not exact. */
  readonly #windows: (number | bigint)[] = [];
  #origin: bigint | undefined;
  /** Slot + 1 of window number `#tableStart + i`. */
  #table = nothing;
  #tableStart = 0;
  #sparse: Map<number | bigint, number> | undefined;

  constructor(grid: WindowGrid, budget: BucketBudget) {
    this.#grid = grid;
    this.#budget = budget;
  }

  get slotCount(): number {
    return this.#windows.length;
  }

  /** Cuts rows, ascending, into runs. */
  locate(base: bigint, offsets: Float64Array): void {
    this.runCount = 0;
    const { intervalNs, offsetNs } = this.#grid;
    const rowCount = offsets.length;
    if (rowCount === 0) return;
    if (intervalNs === 0n) {
      this.#pushRun(rowCount, this.#slotOf(0));
      return;
    }
    const first = floorDivide(base + BigInt(offsets[0]!) - offsetNs, intervalNs);
    // Beyond 2^53 these lose digits, but then they lie beyond every offset all the same.
    let edge = Number((first + 1n) * intervalNs + offsetNs - base);
    const size = Number(intervalNs);
    const distance = this.#distanceOf(first);
    let window = 0;
    let row = 0;
    for (;;) {
      row = gallop(offsets, row, edge);
      this.#pushRun(row, this.#slotBehind(first, distance, window));
      if (row === rowCount) return;
      const advance = 1 + Math.floor((offsets[row]! - edge) / size);
      window += advance;
      edge += advance * size;
    }
  }

  /** The slots of the windows that start there; for merging. */
  slotsOfStarts(starts: BigInt64Array): Uint32Array {
    const { intervalNs, offsetNs } = this.#grid;
    const slots = new Uint32Array(starts.length);
    if (starts.length === 0) return slots;
    if (intervalNs === 0n) return slots.fill(this.#slotOf(0));
    const words = wordsOf(starts);
    const size = Number(intervalNs);
    const base = new BaseTime(starts[0]!);
    const first = floorDivide(base.time - offsetNs, intervalNs);
    const distance = this.#distanceOf(first);
    for (let i = 0; i < starts.length; i++) {
      const offset = base.offsetOf(words, i);
      slots[i] = Number.isSafeInteger(offset)
        ? this.#slotBehind(first, distance, offset / size)
        : this.#slotAt(floorDivide(starts[i]! - offsetNs, intervalNs));
    }
    return slots;
  }

  /** Whether all of [first, last] lies in one window; makes no slot. */
  isOneWindow(first: bigint, last: bigint): boolean {
    const { intervalNs, offsetNs } = this.#grid;
    if (intervalNs === 0n) return true;
    if (last - first >= intervalNs) return false;
    const start = floorDivide(first - offsetNs, intervalNs) * intervalNs + offsetNs;
    return last - start < intervalNs;
  }

  /** The slot when all of [first, last] lies in one window, else undefined. */
  slotOfSpan(first: bigint, last: bigint): number | undefined {
    const { intervalNs, offsetNs } = this.#grid;
    if (intervalNs === 0n) return this.#slotOf(0);
    const window = floorDivide(first - offsetNs, intervalNs);
    if (last - offsetNs - window * intervalNs >= intervalNs) return undefined;
    return this.#slotAt(window);
  }

  /** Slots in order of their windows. */
  orderedSlots(): Uint32Array<ArrayBuffer> {
    const windows = this.#windows;
    const slots = new Uint32Array(windows.length);
    for (let slot = 0; slot < slots.length; slot++) slots[slot] = slot;
    // Rows that came in order of time made them in order, or turned round.
    if (isSorted(windows, 1)) return slots;
    if (isSorted(windows, -1)) return slots.reverse();
    return this.#sparse === undefined ? this.#slotsOfTable(slots) : sortSlots(windows, slots);
  }

  #slotsOfTable(slots: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
    let count = 0;
    for (const place of this.#table) if (place > 0) slots[count++] = place - 1;
    return slots;
  }

  /** Where the windows of slots start. */
  startsOf(slots: Uint32Array): BigInt64Array {
    const { intervalNs, offsetNs } = this.#grid;
    const starts = new BigInt64Array(slots.length);
    const words = wordsOf(starts);
    const size = Number(intervalNs);
    const base = new BaseTime((this.#origin ?? 0n) * intervalNs + offsetNs);
    for (let i = 0; i < slots.length; i++) {
      const window = this.#windows[slots[i]!]!;
      const offset = Number(window) * size;
      if (Number.isSafeInteger(offset)) base.write(words, i, offset);
      else starts[i] = base.time + BigInt(window) * intervalNs;
    }
    return starts;
  }

  #pushRun(end: number, slot: number): void {
    const at = this.runCount++;
    if (at === this.runEnds.length) {
      this.runEnds = doubled(this.runEnds);
      this.runSlots = doubled(this.runSlots);
    }
    this.runEnds[at] = end;
    this.runSlots[at] = slot;
  }

  #slotAt(window: bigint): number {
    return this.#slotBehind(window, this.#distanceOf(window), 0);
  }

  /** From the origin, which is the first window that anybody asks for. */
  #distanceOf(window: bigint): number {
    this.#origin ??= window;
    return Number(window - this.#origin);
  }

  /** The slot of the window `more` behind one that lies `distance` from the origin. */
  #slotBehind(first: bigint, distance: number, more: number): number {
    const number = distance + more;
    if (Number.isSafeInteger(distance) && Number.isSafeInteger(number)) return this.#slotOf(number);
    return this.#sparseSlot(first - this.#origin! + BigInt(more));
  }

  #slotOf(window: number): number {
    const index = window - this.#tableStart;
    if (!this.#sparse) {
      if (index >= 0 && index < this.#table.length) {
        const slot = this.#table[index]!;
        if (slot > 0) return slot - 1;
        this.#table[index] = this.#newSlot(window) + 1;
        return this.#table[index]! - 1;
      }
      if (this.#growTable(window)) return this.#slotOf(window);
    }
    return this.#sparseSlot(window);
  }

  /** False when the spread of windows is too great for a table. */
  #growTable(window: number): boolean {
    const start = this.#tableStart;
    const size = this.#table.length;
    const low = size === 0 ? window : Math.min(start, window);
    const needed = (size === 0 ? window + 1 : Math.max(start + size, window + 1)) - low;
    if (needed > Math.max(tableSizeMax, windowsPerSlotMax * this.slotCount)) return false;
    const capacity = Math.max(needed, 2 * size);
    const table = new Uint32Array(capacity);
    // Room on the side on which it grew.
    const newStart = window < start && size > 0 ? low - (capacity - needed) : low;
    table.set(this.#table, size === 0 ? 0 : start - newStart);
    this.#table = table;
    this.#tableStart = newStart;
    return true;
  }

  #sparseSlot(window: number | bigint): number {
    this.#sparse ??= new Map(this.#windows.map((known, slot) => [known, slot]));
    const key = typeof window === 'bigint' ? simplest(window) : window;
    let slot = this.#sparse.get(key);
    if (slot === undefined) {
      slot = this.#newSlot(key);
      this.#sparse.set(key, slot);
    }
    return slot;
  }

  #newSlot(window: number | bigint): number {
    this.#budget.take();
    return this.#windows.push(window) - 1;
  }
}

function isSorted(windows: readonly (number | bigint)[], sign: number): boolean {
  for (let i = 1; i < windows.length; i++) {
    if (windows[i - 1]! < windows[i]! !== sign > 0) return false;
  }
  return true;
}

function sortSlots(
  windows: readonly (number | bigint)[],
  slots: Uint32Array<ArrayBuffer>,
): Uint32Array<ArrayBuffer> {
  return slots.sort((a, b) => (windows[a]! < windows[b]! ? -1 : 1));
}

function simplest(window: bigint): number | bigint {
  const number = Number(window);
  return Number.isSafeInteger(number) ? number : window;
}

function doubled(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(Math.max(runsMin, 2 * values.length));
  out.set(values);
  return out;
}

/** First row after `from` whose offset reaches `edge`, which that of `from` does not; else the row count. */
export function gallop(offsets: Float64Array, from: number, edge: number): number {
  const count = offsets.length;
  let step = 1;
  let low = from;
  while (low + step < count && offsets[low + step]! < edge) {
    low += step;
    step *= 2;
  }
  let high = Math.min(count, low + step);
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (offsets[middle]! < edge) low = middle;
    else high = middle;
  }
  return high;
}
