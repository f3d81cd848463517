/**
 * sum and mean: float sums in the order of the rows, integer sums exact, wrapping in 64 bits.
 *
 * Integers are summed as doubles while every partial sum stays safe, else as 32-bit halves.
 */

import { invariant } from '../base/errors.ts';
import type { Column } from '../model/column.ts';
import type { Partial } from '../model/plan.ts';
import { type Accumulator, countCells, pickCounts, type RowSource } from './accumulator.ts';
import { CellStore, grownFloats, simplestCell } from './cell-store.ts';
import type { ColumnSummary } from './column-summary.ts';

type Whole = number | bigint;

export class SumAccumulator implements Accumulator {
  counts = new Float64Array(0);
  readonly #fn: 'sum' | 'mean';
  readonly #type: 'float' | 'integer' | 'unsigned';
  readonly #sums: CellStore;

  constructor(fn: 'sum' | 'mean', type: 'float' | 'integer' | 'unsigned') {
    this.#fn = fn;
    this.#type = type;
    this.#sums = new CellStore(type);
  }

  ensure(slotCount: number): void {
    if (this.counts.length >= slotCount) return;
    this.counts = grownFloats(this.counts, slotCount);
    this.#sums.ensure(this.counts.length);
  }

  addRows(column: Column, { slots }: RowSource): void {
    if (column.type === 'string' || column.type === 'boolean') return;
    const { values, valid } = column;
    let from = 0;
    for (let run = 0; run < slots.runCount; run++) {
      const until = slots.runEnds[run]!;
      const slot = slots.runSlots[run]!;
      this.counts[slot]! += countCells(valid, from, until);
      if (this.#type === 'float') {
        const start = this.#sums.get(slot) as number;
        this.#sums.set(slot, sumFloats(values as Float64Array, valid, from, until, start));
      } else {
        this.#addWhole(slot, sumWhole(values, valid, from, until));
      }
      from = until;
    }
  }

  #addWhole(slot: number, value: Whole): void {
    const sum = this.#sums.get(slot) as Whole;
    if (typeof sum === 'number' && typeof value === 'number') {
      const total = sum + value;
      if (Number.isSafeInteger(total)) {
        this.#sums.set(slot, total);
        return;
      }
    }
    const exact = BigInt(sum) + BigInt(value);
    const wrapped = this.#type === 'integer' ? BigInt.asIntN(64, exact) : BigInt.asUintN(64, exact);
    this.#sums.set(slot, simplestCell(wrapped));
  }

  /** A float sum may take in a whole chunk only where no order of additions can matter. */
  accepts(summary: ColumnSummary, slot: number): boolean {
    if (summary.sum === undefined) return false;
    if (this.#type !== 'float') return true;
    const sum = this.#sums.get(slot);
    return Number.isInteger(sum) && Number.isSafeInteger(Number(sum) + Number(summary.sum));
  }

  addSummary(summary: ColumnSummary, _base: bigint, slot: number): void {
    this.counts[slot]! += summary.count;
    if (this.#type !== 'float') this.#addWhole(slot, summary.sum ?? 0);
    else this.#sums.set(slot, Number(this.#sums.get(slot)) + Number(summary.sum));
  }

  addPartial(partial: Partial, slots: Uint32Array): void {
    invariant(partial.fn === this.#fn, 'partials merge with their own kind');
    const { counts, sums } = partial;
    invariant(sums.type === this.#type, 'partials merge with their own type');
    slots.forEach((slot, i) => {
      if (counts[i] === 0) return;
      this.counts[slot]! += counts[i]!;
      if (this.#type === 'float') {
        this.#sums.set(slot, Number(this.#sums.get(slot)) + Number(sums.values[i]!));
      } else {
        this.#addWhole(slot, simplestCell(sums.values[i]!));
      }
    });
  }

  finish(slots: Uint32Array): Partial {
    const counts = pickCounts(this.counts, slots);
    return { fn: this.#fn, counts, sums: this.#sums.toColumn(slots) };
  }
}

function sumFloats(
  values: Float64Array,
  valid: Uint8Array | undefined,
  from: number,
  until: number,
  start: number,
): number {
  let sum = start;
  if (valid) {
    for (let i = from; i < until; i++) if (valid[i]) sum += values[i]!;
  } else {
    for (let i = from; i < until; i++) sum += values[i]!;
  }
  return sum;
}

function sumWhole(
  values: Float64Array | BigInt64Array | BigUint64Array,
  valid: Uint8Array | undefined,
  from: number,
  until: number,
): Whole {
  if (!(values instanceof Float64Array)) return sumWords(values, valid, from, until);
  const sum = sumSafe(values, valid, from, until);
  return sum ?? sumHalves(values, valid, from, until);
}

/** Undefined as soon as a partial sum leaves the safe range: until then all are exact. */
function sumSafe(
  values: Float64Array,
  valid: Uint8Array | undefined,
  from: number,
  until: number,
): number | undefined {
  let sum = 0;
  let least = 0;
  let most = 0;
  for (let i = from; i < until; i++) {
    if (valid && !valid[i]) continue;
    sum += values[i]!;
    if (sum < least) least = sum;
    else if (sum > most) most = sum;
  }
  const isExact = most <= Number.MAX_SAFE_INTEGER && least >= Number.MIN_SAFE_INTEGER;
  return isExact ? sum : undefined;
}

function sumHalves(
  values: Float64Array,
  valid: Uint8Array | undefined,
  from: number,
  until: number,
): bigint {
  let low = 0;
  let high = 0;
  for (let i = from; i < until; i++) {
    if (valid && !valid[i]) continue;
    const top = Math.floor(values[i]! / 0x1_0000_0000);
    high += top;
    low += values[i]! - top * 0x1_0000_0000;
  }
  return BigInt(high) * 0x1_0000_0000n + BigInt(low);
}

/** Modulo 2^64: the sign of a word adds a multiple of that. */
function sumWords(
  values: BigInt64Array | BigUint64Array,
  valid: Uint8Array | undefined,
  from: number,
  until: number,
): bigint {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  let low = 0;
  let high = 0;
  for (let i = from; i < until; i++) {
    if (valid && !valid[i]) continue;
    low += words[2 * i]!;
    high += words[2 * i + 1]!;
  }
  return BigInt(high) * 0x1_0000_0000n + BigInt(low);
}
