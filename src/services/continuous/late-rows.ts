/** Which rows of a write come late for which continuous query, as windows. */

import type { QueryPlace } from '../../broker/continuous-query.ts';
import type { WatchedRows } from '../../broker/write-watch.ts';
import { type Window, windowAt } from '../../query/windows.ts';
import { joinRanges, type Range } from './ranges.ts';
import type { ProgressRecord } from './records.ts';

/** Windows that one mark names; more are joined across the narrowest gaps. */
export const rangesPerMark = 64;
/** Distinct windows told apart while a slice is looked through; beyond, from the first to the last row. */
const windowsMax = 4_096;

export type Reader = Pick<ProgressRecord, 'sinceNs' | 'announcedNs' | 'windows' | 'sources'>;

function reads(source: QueryPlace, database: string, policy: string, measurement: string): boolean {
  return (
    source.database === database &&
    source.policy === policy &&
    (source.measurement === undefined || source.measurement === measurement)
  );
}

/** Per measurement of the batch whether the query reads it; undefined = none of them. */
export function readMeasurements(
  { sources }: Pick<Reader, 'sources'>,
  { database, policy, measurements }: WatchedRows,
): Uint8Array | undefined {
  const isRead = new Uint8Array(measurements.length);
  let some = false;
  measurements.forEach((name, index) => {
    if (!sources.some((source) => reads(source, database, policy, name))) return;
    isRead[index] = 1;
    some = true;
  });
  return some ? isRead : undefined;
}

/** From the first to the last row of these measurements, however late; undefined = there is none. */
export function spanOf(rows: WatchedRows, isRead: Uint8Array): Range | undefined {
  let from: bigint | undefined;
  let until: bigint | undefined;
  for (let row = 0; row < rows.rowCount; row++) {
    if (isRead[rows.series[rows.rowSeries[row]!]!.measurement] === 0) continue;
    const time = rows.rowTimes[row]!;
    if (from === undefined || time < from) from = time;
    if (until === undefined || time > until) until = time;
  }
  return from === undefined || until === undefined ? undefined : { from, until: until + 1n };
}

/** The windows that rows fall in that are settled or about to be; empty = none comes late. */
export function findLateWindows(
  rows: WatchedRows,
  isRead: Uint8Array,
  { sinceNs, announcedNs, windows }: Reader,
  span: Range,
): readonly Range[] {
  if (span.from >= announcedNs) return [];
  const found = new Map<bigint, Range>();
  let last: Window | undefined;
  for (let row = 0; row < rows.rowCount; row++) {
    const time = rows.rowTimes[row]!;
    if (time >= announcedNs || time < sinceNs) continue;
    if (last !== undefined && time >= last.start && time < last.end) continue;
    if (isRead[rows.series[rows.rowSeries[row]!]!.measurement] === 0) continue;
    if (found.size === windowsMax) return [span];
    last = windowAt(windows, time);
    found.set(last.start, { from: last.start, until: last.end });
  }
  return joinRanges([...found.values()], rangesPerMark);
}
