/**
 * All aggregates of one group: rows, chunk summaries and blocks of other streams in, one block of
 * partials out.
 */

import { invariant } from '../base/errors.ts';
import type { Column, ColumnBatch } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';
import type { AggregateBlock, AggregateOutput, AggregateSpec, ColumnRef } from '../model/plan.ts';
import { CountAccumulator } from './accumulate-count.ts';
import { DistinctAccumulator } from './accumulate-distinct.ts';
import { SelectorAccumulator } from './accumulate-selector.ts';
import { SpreadAccumulator } from './accumulate-spread.ts';
import { StddevAccumulator } from './accumulate-stddev.ts';
import { SumAccumulator } from './accumulate-sum.ts';
import { type Accumulator, slotBytes } from './accumulator.ts';
import type { ColumnSummary } from './column-summary.ts';
import { type BucketBudget, WindowSlots } from './window-slots.ts';

export class AggregateGroup {
  readonly #group: readonly string[];
  readonly #accumulators: readonly Accumulator[];
  readonly #slots: WindowSlots;

  constructor(output: AggregateOutput, group: readonly string[], budget: BucketBudget) {
    this.#group = group;
    this.#accumulators = output.aggregates.map((spec) => createAccumulator(spec, output.extras));
    this.#slots = new WindowSlots(output, budget);
  }

  get memoryBytes(): number {
    let held = this.#slots.slotCount * slotBytes * (1 + this.#accumulators.length);
    for (const accumulator of this.#accumulators) held += accumulator.heldBytes ?? 0;
    return held;
  }

  /** `columns[i]` belongs to aggregate i; rows of one series, ascending or descending in blocks. */
  addRows(
    batch: ColumnBatch,
    columns: readonly (Column | undefined)[],
    extras: readonly (Column | undefined)[],
  ): void {
    this.#slots.locate(batch.base, batch.offsets);
    const source = { base: batch.base, offsets: batch.offsets, slots: this.#slots, extras };
    for (let i = 0; i < this.#accumulators.length; i++) {
      const column = columns[i];
      if (!column) continue;
      const accumulator = this.#accumulators[i]!;
      accumulator.ensure(this.#slots.slotCount);
      accumulator.addRows(column, source);
    }
  }

  /** False: rows from the one time to the other go to several windows, so that no summary can stand for them. */
  takesSpan(first: bigint, last: bigint): boolean {
    return this.#slots.isOneWindow(first, last);
  }

  /** All or nothing: false when some aggregate has to see the cells. `summaries[i]` belongs to aggregate i. */
  addSummaries(base: bigint, summaries: readonly (ColumnSummary | undefined)[]): boolean {
    let first = Infinity;
    let last = -Infinity;
    for (const summary of summaries) {
      if (!summary) continue;
      first = Math.min(first, summary.firstOffset);
      last = Math.max(last, summary.lastOffset);
    }
    if (first > last) return true;
    const slot = this.#slots.slotOfSpan(base + BigInt(first), base + BigInt(last));
    if (slot === undefined) return false;
    for (const accumulator of this.#accumulators) accumulator.ensure(this.#slots.slotCount);
    const all = this.#accumulators.every((accumulator, i) => {
      const summary = summaries[i];
      return !summary || accumulator.accepts(summary, slot);
    });
    if (!all) return false;
    this.#accumulators.forEach((accumulator, i) => {
      const summary = summaries[i];
      if (summary) accumulator.addSummary(summary, base, slot);
    });
    return true;
  }

  addBlock(block: AggregateBlock): void {
    invariant(block.partials.length === this.#accumulators.length, 'blocks of one plan merge');
    const slots = this.#slots.slotsOfStarts(block.windows);
    this.#accumulators.forEach((accumulator, i) => {
      accumulator.ensure(this.#slots.slotCount);
      accumulator.addPartial(block.partials[i]!, slots);
    });
  }

  /** Those in which some aggregate has seen a cell. */
  #seenSlots(): Uint32Array {
    const slots = this.#slots.orderedSlots();
    let count = 0;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      if (this.#hasSeen(slot)) slots[count++] = slot;
    }
    return count === slots.length ? slots : slots.slice(0, count);
  }

  #hasSeen(slot: number): boolean {
    for (const { counts } of this.#accumulators) if (counts[slot]! > 0) return true;
    return false;
  }

  /** Undefined when no aggregate has seen a cell. */
  finish(): AggregateBlock | undefined {
    for (const accumulator of this.#accumulators) accumulator.ensure(this.#slots.slotCount);
    const slots = this.#seenSlots();
    if (slots.length === 0) return undefined;
    return {
      kind: 'aggregate',
      group: this.#group,
      windows: this.#slots.startsOf(slots),
      partials: this.#accumulators.map((accumulator) => accumulator.finish(slots)),
    };
  }
}

function createAccumulator(spec: AggregateSpec, extras: readonly ColumnRef[]): Accumulator {
  switch (spec.fn) {
    case 'count':
      return new CountAccumulator();
    case 'sum':
    case 'mean':
      return new SumAccumulator(spec.fn, numericType(spec));
    case 'min':
    case 'max':
    case 'first':
    case 'last':
      return new SelectorAccumulator(spec.fn, spec.type, extras);
    case 'spread':
      return new SpreadAccumulator(numericType(spec));
    case 'stddev':
      return new StddevAccumulator();
    case 'distinct':
      return new DistinctAccumulator(spec.type);
  }
}

function numericType({ fn, type }: AggregateSpec): Exclude<FieldType, 'string' | 'boolean'> {
  invariant(type !== 'string' && type !== 'boolean', `${fn} is planned for numbers only`);
  return type;
}
