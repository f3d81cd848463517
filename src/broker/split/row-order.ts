/**
 * Rows of a batch in the order frames need them: by series (counting sort, keeps the order of lines),
 * within a series by time. Rows that are already in time order, the usual case, are only looked at once.
 */

import type { ParsedBatch } from '../../lineprotocol/parsed-batch.ts';

export interface RowOrder {
  /** Series s has rows `rows[starts[s], starts[s + 1])`. */
  readonly rows: Uint32Array;
  readonly starts: Uint32Array;
}

/** `accepted[row]` 0 leaves the row out; undefined = all rows. */
export function orderBySeries(batch: ParsedBatch, accepted: Uint8Array | undefined): RowOrder {
  const { rowSeries, rowCount } = batch;
  const starts = new Uint32Array(batch.series.length + 1);
  for (let row = 0; row < rowCount; row++) {
    if (accepted === undefined || accepted[row] === 1) starts[rowSeries[row]! + 1]!++;
  }
  for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
  const places = starts.slice();
  const rows = new Uint32Array(starts[starts.length - 1]!);
  for (let row = 0; row < rowCount; row++) {
    if (accepted !== undefined && accepted[row] !== 1) continue;
    rows[places[rowSeries[row]!]!++] = row;
  }
  return { rows, starts };
}

/** Negative, 0 or positive; `words` are signed 64-bit times, low word first. */
export function compareTimes(words: Uint32Array, a: number, b: number): number {
  const high = (words[2 * a + 1]! | 0) - (words[2 * b + 1]! | 0);
  return high !== 0 ? high : words[2 * a]! - words[2 * b]!;
}

/** Sorts `[from, until)` by time, lines of equal time in their order. True when a time repeats. */
export function orderByTime(
  rows: Uint32Array,
  from: number,
  until: number,
  timeWords: Uint32Array,
): boolean {
  let sorted = true;
  let repeated = false;
  for (let i = from + 1; i < until; i++) {
    const order = compareTimes(timeWords, rows[i - 1]!, rows[i]!);
    if (order > 0) sorted = false;
    else if (order === 0) repeated = true;
  }
  if (sorted) return repeated;
  rows.subarray(from, until).sort((a, b) => compareTimes(timeWords, a, b) || a - b);
  for (let i = from + 1; i < until; i++) {
    if (compareTimes(timeWords, rows[i - 1]!, rows[i]!) === 0) return true;
  }
  return false;
}
