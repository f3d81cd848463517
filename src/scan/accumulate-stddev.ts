/** stddev: mean and sum of squared deviations by Welford, partials joined by Chan's formula. */

import { invariant } from '../base/errors.ts';
import type { Column } from '../model/column.ts';
import type { Partial } from '../model/plan.ts';
import { type Accumulator, pickCounts, type RowSource } from './accumulator.ts';
import { grownFloats } from './cell-store.ts';

export class StddevAccumulator implements Accumulator {
  counts = new Float64Array(0);
  #means = new Float64Array(0);
  #m2 = new Float64Array(0);

  ensure(slotCount: number): void {
    if (this.counts.length >= slotCount) return;
    this.counts = grownFloats(this.counts, slotCount);
    this.#means = grownFloats(this.#means, this.counts.length);
    this.#m2 = grownFloats(this.#m2, this.counts.length);
  }

  addRows(column: Column, { slots }: RowSource): void {
    if (column.type === 'string' || column.type === 'boolean') return;
    const values =
      column.values instanceof Float64Array
        ? column.values
        : Float64Array.from(column.values as BigInt64Array, Number);
    let from = 0;
    for (let run = 0; run < slots.runCount; run++) {
      const until = slots.runEnds[run]!;
      this.#addRun(slots.runSlots[run]!, values, column.valid, from, until);
      from = until;
    }
  }

  #addRun(
    slot: number,
    values: Float64Array,
    valid: Uint8Array | undefined,
    from: number,
    until: number,
  ): void {
    let count = this.counts[slot]!;
    let mean = this.#means[slot]!;
    let m2 = this.#m2[slot]!;
    for (let i = from; i < until; i++) {
      if (valid && !valid[i]) continue;
      const value = values[i]!;
      const deviation = value - mean;
      count++;
      mean += deviation / count;
      m2 += deviation * (value - mean);
    }
    this.counts[slot] = count;
    this.#means[slot] = mean;
    this.#m2[slot] = m2;
  }

  accepts(): boolean {
    return false;
  }

  addSummary(): void {
    invariant(false, 'a summary says nothing of deviations');
  }

  addPartial(partial: Partial, slots: Uint32Array): void {
    invariant(partial.fn === 'stddev', 'partials merge with their own kind');
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      const known = this.counts[slot]!;
      const added = partial.counts[i]!;
      if (added === 0) continue;
      const count = known + added;
      const distance = partial.means[i]! - this.#means[slot]!;
      this.#means[slot]! += (distance * added) / count;
      this.#m2[slot]! += partial.m2[i]! + distance * distance * ((known * added) / count);
      this.counts[slot] = count;
    }
  }

  finish(slots: Uint32Array): Partial {
    return {
      fn: 'stddev',
      counts: pickCounts(this.counts, slots),
      means: pickCounts(this.#means, slots),
      m2: pickCounts(this.#m2, slots),
    };
  }
}
