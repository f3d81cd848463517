/**
 * first, last, min, max: the selected value, its time, and the extras of its row.
 *
 * Ties: first and last at one time take the greater value (first of booleans: false); min and max
 * of one value take the earliest time. What is still equal takes the lesser extras, so that the
 * answer is the same however the rows were split.
 */

import { invariant } from '../base/errors.ts';
import type { Column } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';
import type { ColumnRef, Partial } from '../model/plan.ts';
import { type Accumulator, countCells, pickCounts, type RowSource } from './accumulator.ts';
import { wordsOf } from './base-time.ts';
import {
  type Cell,
  CellStore,
  cellAt,
  compareCells,
  grownFloats,
  hasCell,
  TimeStore,
} from './cell-store.ts';
import type { ColumnSummary } from './column-summary.ts';
import { ExtraStore } from './extra-store.ts';
import { type SelectorFn, selectRow } from './extreme-row.ts';

export class SelectorAccumulator implements Accumulator {
  counts = new Float64Array(0);
  readonly #fn: SelectorFn;
  readonly #values: CellStore;
  readonly #times = new TimeStore();
  readonly #extras: ExtraStore;
  /** 1: the greater value wins a tie of times, -1: the lesser. */
  readonly #tieSign: number;

  constructor(fn: SelectorFn, type: FieldType, extras: readonly ColumnRef[]) {
    this.#fn = fn;
    this.#values = new CellStore(type);
    this.#extras = new ExtraStore(extras);
    this.#tieSign = fn === 'first' && type === 'boolean' ? -1 : 1;
  }

  get heldBytes(): number {
    return this.#values.textBytes + this.#extras.heldBytes;
  }

  ensure(slotCount: number): void {
    if (this.counts.length >= slotCount) return;
    this.counts = grownFloats(this.counts, slotCount);
    this.#values.ensure(this.counts.length);
    this.#times.ensure(this.counts.length);
    this.#extras.ensure(this.counts.length);
  }

  addRows(column: Column, { base, offsets, slots, extras }: RowSource): void {
    const baseNumber = this.#times.baseNumber(base);
    let from = 0;
    for (let run = 0; run < slots.runCount; run++) {
      const until = slots.runEnds[run]!;
      const slot = slots.runSlots[run]!;
      const row = selectRow(this.#fn, column, from, until);
      if (row >= 0) {
        this.#offer(slot, cellAt(column, row), baseNumber, offsets[row]!, extras, row);
        this.counts[slot]! += countCells(column.valid, from, until);
      }
      from = until;
    }
  }

  /** Takes the candidate if it is better than what the slot has. */
  #offer(
    slot: number,
    cell: Cell,
    baseNumber: number,
    offset: number,
    extras: readonly (Column | undefined)[],
    row: number,
  ): void {
    if (this.counts[slot]! > 0) {
      let order = this.#order(slot, cell, baseNumber, offset);
      if (order === 0) order = this.#extras.compare(extras, row, slot);
      if (order >= 0) return;
    }
    this.#values.set(slot, cell);
    this.#times.set(slot, baseNumber, offset);
    this.#extras.set(slot, extras, row);
  }

  /** Negative: the candidate goes before what the slot has. */
  #order(slot: number, cell: Cell, baseNumber: number, offset: number): number {
    const byTime = this.#times.compare(baseNumber, offset, slot);
    const byValue = compareCells(cell, this.#values.get(slot));
    switch (this.#fn) {
      case 'first':
        return byTime || -byValue * this.#tieSign;
      case 'last':
        return -byTime || -byValue;
      case 'min':
        return byValue || byTime;
      case 'max':
        return -byValue || byTime;
    }
  }

  accepts(): boolean {
    return this.#values.type !== 'string' && this.#extras.isEmpty;
  }

  addSummary(summary: ColumnSummary, base: bigint, slot: number): void {
    const baseNumber = this.#times.baseNumber(base);
    const { cell, offset } = this.#pick(summary);
    this.#offer(slot, cell, baseNumber, offset, [], 0);
    this.counts[slot]! += summary.count;
  }

  #pick(summary: ColumnSummary): { cell: Cell; offset: number } {
    switch (this.#fn) {
      case 'first':
        return { cell: summary.first, offset: summary.firstOffset };
      case 'last':
        return { cell: summary.last, offset: summary.lastOffset };
      case 'min':
        return { cell: summary.min, offset: summary.minOffset };
      case 'max':
        return { cell: summary.max, offset: summary.maxOffset };
    }
  }

  addPartial(partial: Partial, slots: Uint32Array): void {
    invariant(
      partial.fn === this.#fn && 'values' in partial && 'times' in partial,
      'partials merge with their own kind',
    );
    const { counts, values, times, extras } = partial;
    const words = wordsOf(times);
    for (let i = 0; i < slots.length; i++) {
      if (counts[i] === 0 || !hasCell(values, i)) continue;
      const offset = this.#times.offsetOf(words, i);
      const isNear = Number.isSafeInteger(offset);
      const baseNumber = isNear ? 0 : this.#times.baseNumber(times[i]!);
      this.#offer(slots[i]!, cellAt(values, i), baseNumber, isNear ? offset : 0, extras, i);
      this.counts[slots[i]!]! += counts[i]!;
    }
  }

  finish(slots: Uint32Array): Partial {
    return {
      fn: this.#fn,
      counts: pickCounts(this.counts, slots),
      values: this.#values.toColumn(slots),
      times: this.#times.toTimes(slots, this.counts),
      extras: this.#extras.toColumns(slots),
    };
  }
}
