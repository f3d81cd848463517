/** count: cells of any type. */

import { invariant } from '../base/errors.ts';
import type { Column } from '../model/column.ts';
import type { Partial } from '../model/plan.ts';
import { type Accumulator, countCells, pickCounts, type RowSource } from './accumulator.ts';
import { grownFloats } from './cell-store.ts';
import type { ColumnSummary } from './column-summary.ts';

export class CountAccumulator implements Accumulator {
  counts = new Float64Array(0);

  ensure(slotCount: number): void {
    if (this.counts.length < slotCount) this.counts = grownFloats(this.counts, slotCount);
  }

  addRows(column: Column, { slots }: RowSource): void {
    let from = 0;
    for (let run = 0; run < slots.runCount; run++) {
      const until = slots.runEnds[run]!;
      this.counts[slots.runSlots[run]!]! += countCells(column.valid, from, until);
      from = until;
    }
  }

  accepts(): boolean {
    return true;
  }

  addSummary(summary: ColumnSummary, _base: bigint, slot: number): void {
    this.counts[slot]! += summary.count;
  }

  addPartial(partial: Partial, slots: Uint32Array): void {
    invariant(partial.fn === 'count', 'partials merge with their own kind');
    slots.forEach((slot, i) => {
      this.counts[slot]! += partial.counts[i]!;
    });
  }

  finish(slots: Uint32Array): Partial {
    return { fn: 'count', counts: pickCounts(this.counts, slots) };
  }
}
