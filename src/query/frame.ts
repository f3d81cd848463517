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
