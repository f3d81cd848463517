/**
 * A frame: rows of one output series on their way through the finishing half of a query. Columns are
 * those of the step that made it (fields read, calls finished, results computed); `undefined` = all null.
 */

import type { Column } from '../model/column.ts';

export interface Frame {
  readonly rowCount: number;
  readonly times: BigInt64Array;
  readonly columns: readonly (Column | undefined)[];
}

/** Rows a frame holds at most, about: small enough to stay in cache, large enough to forget the overhead. */
export const frameRows = 4_096;
const frameRowsMin = 64;
/** Values a frame holds at most, about. */
const frameValues = 262_144;

/** Rows of a frame with so many columns. */
export function rowsOfFrame(columnCount: number): number {
  const fitting = Math.floor(frameValues / Math.max(1, columnCount));
  return Math.max(frameRowsMin, Math.min(frameRows, fitting));
}
