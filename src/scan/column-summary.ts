/**
 * What is known about the cells of one column in one chunk without reading them. The chunk format
 * stores it, the aggregator answers whole chunks from it.
 *
 * Values are numbers; integers beyond 2^53 - 1 are bigints; booleans 0 or 1. Strings have none.
 */

export type SummaryValue = number | bigint;

export interface ColumnSummary {
  /** Cells with a value; at least 1. */
  readonly count: number;
  /** Offsets (ns since the base) of the first and last cell. */
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly first: SummaryValue;
  readonly last: SummaryValue;
  readonly min: SummaryValue;
  readonly max: SummaryValue;
  /** Offsets of the earliest cell that holds the least and the greatest value. */
  readonly minOffset: number;
  readonly maxOffset: number;
  /**
   * Undefined where a sum depends on the order of additions (floats that do not sum exactly) and
   * for booleans: then the cells must be read, so that an answer never depends on the chunk layout.
   */
  readonly sum: SummaryValue | undefined;
}
