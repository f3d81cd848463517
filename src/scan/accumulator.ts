/**
 * One aggregate of one group over all its windows (slots). Rows, whole-chunk summaries and partials
 * of other streams may come in any mix; the answer does not depend on how they were cut.
 */

import type { Column } from '../model/column.ts';
import type { Partial } from '../model/plan.ts';
import type { ColumnSummary } from './column-summary.ts';
import type { WindowSlots } from './window-slots.ts';

/** Rows to add: one column of a batch, cut into runs by `slots`. */
export interface RowSource {
  readonly base: bigint;
  readonly offsets: Float64Array;
  readonly slots: WindowSlots;
  /** The plan's extras: columns of the same rows. */
  readonly extras: readonly (Column | undefined)[];
}

export interface Accumulator {
  /** Makes room; new slots are empty. */
  ensure(slotCount: number): void;
  addRows(column: Column, source: RowSource): void;
  /** False: this aggregate cannot use the summary as things stand. Changes nothing. */
  accepts(summary: ColumnSummary, slot: number): boolean;
  addSummary(summary: ColumnSummary, base: bigint, slot: number): void;
  /** Row i of the partial goes to slots[i]. */
  addPartial(partial: Partial, slots: Uint32Array): void;
  /** Cells seen per slot; its length is at least the slot count. */
  readonly counts: Float64Array;
  finish(slots: Uint32Array): Partial;
  /** Bytes beside its slots, roughly: texts, sets of values. Undefined = none. */
  readonly heldBytes?: number;
}

/** Bytes a slot of an accumulator takes, roughly. */
export const slotBytes = 48;

export function pickCounts(counts: Float64Array, slots: Uint32Array): Float64Array {
  const picked = new Float64Array(slots.length);
  for (let i = 0; i < slots.length; i++) picked[i] = counts[slots[i]!]!;
  return picked;
}

/** Rows of [from, until) with a value. */
export function countCells(valid: Uint8Array | undefined, from: number, until: number): number {
  if (!valid) return until - from;
  let count = 0;
  for (let i = from; i < until; i++) count += valid[i]!;
  return count;
}
