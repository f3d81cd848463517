/** What one call gave, window by window: the calls of a query share their windows. */

import type { Column } from '../../model/column.ts';

export interface CallColumn {
  /** Undefined = no value anywhere. */
  readonly values: Column | undefined;
  /**
   * 1 = the call answered in this window, if only with null (stddev of one row); undefined = where
   * it has a value. What is not answered is filled.
   */
  readonly answered: Uint8Array | undefined;
}

/** The finished calls of one group. */
export interface GroupWindows {
  readonly group: readonly string[];
  /** In output order. Repeated where a call gives several rows (distinct). */
  readonly times: BigInt64Array;
  readonly calls: readonly CallColumn[];
  /** Columns of the row that the only selector picked. */
  readonly extras: readonly (Column | undefined)[];
  /** Times of the picked rows, when there is exactly one call and it is a selector. */
  readonly pickedTimes: BigInt64Array | undefined;
}
