/**
 * Functions that turn rows into rows: derivative and its kin, moving averages, integrals. They see the
 * values of one output series in output order, nulls left out, and say what comes of each.
 */

import type { Value } from '../columns/column-builder.ts';

/** Where answers go, in output order. */
export type EmitRow = (time: bigint, value: Value) => void;

export interface RowTransform {
  add(time: bigint, value: Value, emit: EmitRow): void;
  /** After the last row of the series. */
  finish?(emit: EmitRow): void;
  /** The same where it takes long: says from time to time how much work was done, in values. */
  conclude?(emit: EmitRow): Generator<number>;
}
