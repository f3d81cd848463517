/** spread: least and greatest value per window; the difference is the finisher's. */

import { invariant } from '../base/errors.ts';
import type { Column } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';
import type { Partial } from '../model/plan.ts';
import { type Accumulator, countCells, pickCounts, type RowSource } from './accumulator.ts';
import { type Cell, CellStore, cellAt, compareCells, grownFloats } from './cell-store.ts';
import type { ColumnSummary } from './column-summary.ts';
import { selectRow } from './extreme-row.ts';

export class SpreadAccumulator implements Accumulator {
  counts = new Float64Array(0);
  readonly #mins: CellStore;
  readonly #maxs: CellStore;

  constructor(type: FieldType) {
    this.#mins = new CellStore(type);
    this.#maxs = new CellStore(type);
  }

  ensure(slotCount: number): void {
    if (this.counts.length >= slotCount) return;
    this.counts = grownFloats(this.counts, slotCount);
    this.#mins.ensure(this.counts.length);
    this.#maxs.ensure(this.counts.length);
  }

  addRows(column: Column, { slots }: RowSource): void {
    let from = 0;
    for (let run = 0; run < slots.runCount; run++) {
      const until = slots.runEnds[run]!;
      const least = selectRow('min', column, from, until);
      if (least >= 0) {
        const greatest = selectRow('max', column, from, until);
        const count = countCells(column.valid, from, until);
        this.#offer(slots.runSlots[run]!, cellAt(column, least), cellAt(column, greatest), count);
      }
      from = until;
    }
  }

  #offer(slot: number, min: Cell, max: Cell, count: number): void {
    const isFirst = this.counts[slot] === 0;
    if (isFirst || compareCells(min, this.#mins.get(slot)) < 0) this.#mins.set(slot, min);
    if (isFirst || compareCells(max, this.#maxs.get(slot)) > 0) this.#maxs.set(slot, max);
    this.counts[slot]! += count;
  }

  accepts(): boolean {
    return true;
  }

  addSummary(summary: ColumnSummary, _base: bigint, slot: number): void {
    this.#offer(slot, summary.min, summary.max, summary.count);
  }

  addPartial(partial: Partial, slots: Uint32Array): void {
    invariant(partial.fn === 'spread', 'partials merge with their own kind');
    const { counts, mins, maxs } = partial;
    for (let i = 0; i < slots.length; i++) {
      if (counts[i] === 0) continue;
      this.#offer(slots[i]!, cellAt(mins, i), cellAt(maxs, i), counts[i]!);
    }
  }

  finish(slots: Uint32Array): Partial {
    return {
      fn: 'spread',
      counts: pickCounts(this.counts, slots),
      mins: this.#mins.toColumn(slots),
      maxs: this.#maxs.toColumn(slots),
    };
  }
}
