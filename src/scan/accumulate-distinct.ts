/** distinct: each value once per window, in order of first occurrence, then of value. */

import { invariant } from '../base/errors.ts';
import type { Column } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';
import type { Partial } from '../model/plan.ts';
import { type Accumulator, pickCounts, type RowSource } from './accumulator.ts';
import { type Cell, CellStore, cellAt, compareCells, grownFloats, hasCell } from './cell-store.ts';

/** A value and its time in a map, and the same again as an answer. */
const entryBytes = 120;

export class DistinctAccumulator implements Accumulator {
  counts = new Float64Array(0);
  readonly #type: FieldType;
  /** Per slot: value -> time of its first occurrence. */
  readonly #seen: (Map<Cell, bigint> | undefined)[] = [];
  heldBytes = 0;

  constructor(type: FieldType) {
    this.#type = type;
  }

  ensure(slotCount: number): void {
    if (this.counts.length < slotCount) this.counts = grownFloats(this.counts, slotCount);
  }

  addRows(column: Column, { base, offsets, slots }: RowSource): void {
    let from = 0;
    for (let run = 0; run < slots.runCount; run++) {
      const until = slots.runEnds[run]!;
      const slot = slots.runSlots[run]!;
      // Rows ascend: within the run only the first of each value can be its first occurrence.
      const fresh = new Set<Cell>();
      for (let row = from; row < until; row++) {
        if (!hasCell(column, row)) continue;
        this.counts[slot]!++;
        const cell = cellAt(column, row);
        if (fresh.has(cell)) continue;
        fresh.add(cell);
        this.#offer(slot, cell, base + BigInt(offsets[row]!));
      }
      from = until;
    }
  }

  #offer(slot: number, cell: Cell, time: bigint): void {
    const seen = this.#seen[slot] ?? new Map<Cell, bigint>();
    this.#seen[slot] = seen;
    const known = seen.get(cell);
    if (known === undefined)
      this.heldBytes += entryBytes + (typeof cell === 'string' ? cell.length : 0);
    if (known === undefined || time < known) seen.set(cell, time);
  }

  accepts(): boolean {
    return false;
  }

  addSummary(): void {
    invariant(false, 'a summary does not name the distinct values');
  }

  addPartial(partial: Partial, slots: Uint32Array): void {
    invariant(partial.fn === 'distinct', 'partials merge with their own kind');
    const { counts, starts, values, firstTimes } = partial;
    for (let i = 0; i < slots.length; i++) {
      this.counts[slots[i]!]! += counts[i]!;
      for (let at = starts[i]!; at < starts[i + 1]!; at++) {
        this.#offer(slots[i]!, cellAt(values, at), firstTimes[at]!);
      }
    }
  }

  finish(slots: Uint32Array): Partial {
    const starts = new Uint32Array(slots.length + 1);
    const cells: Cell[] = [];
    const times: bigint[] = [];
    slots.forEach((slot, i) => {
      const seen = [...(this.#seen[slot] ?? [])].sort(byFirstTime);
      for (const [cell, time] of seen) {
        cells.push(cell);
        times.push(time);
      }
      starts[i + 1] = cells.length;
    });
    const counts = pickCounts(this.counts, slots);
    return {
      fn: 'distinct',
      counts,
      starts,
      values: this.#toColumn(cells),
      firstTimes: BigInt64Array.from(times),
    };
  }

  #toColumn(cells: readonly Cell[]): Column {
    const store = new CellStore(this.#type);
    store.ensure(cells.length);
    cells.forEach((cell, i) => {
      store.set(i, cell);
    });
    return store.toColumn(Uint32Array.from(cells, (_, i) => i));
  }
}

function byFirstTime(a: readonly [Cell, bigint], b: readonly [Cell, bigint]): number {
  if (a[1] !== b[1]) return a[1] < b[1] ? -1 : 1;
  return compareCells(a[0], b[0]);
}
