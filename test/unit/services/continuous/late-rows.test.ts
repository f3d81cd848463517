/**
 * Goal: every row that is late for a query lies in a window that is marked, and no mark is made without one.
 * Method: random rows and queries, against a look at each row.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WatchedRows } from '../../../../src/broker/write-watch.ts';
import { windowAt } from '../../../../src/query/windows.ts';
import {
  findLateWindows,
  readMeasurements,
  spanOf,
} from '../../../../src/services/continuous/late-rows.ts';
import { coversRange } from '../../../../src/services/continuous/ranges.ts';

const measurements = ['a', 'b', 'c'];

const rowsOf = (spread: number) =>
  fc.array(fc.tuple(fc.nat(2), fc.integer({ min: -50, max: spread })), { maxLength: 200 }).map(
    (list): WatchedRows => ({
      database: 'd',
      policy: 'rp',
      measurements,
      series: measurements.map((_, measurement) => ({ measurement })),
      rowCount: list.length,
      rowSeries: Uint32Array.from(list, ([series]) => series),
      rowTimes: BigInt64Array.from(list, ([, time]) => BigInt(time)),
    }),
  );

const place = fc.record({
  database: fc.constantFrom('d', 'd', 'e'),
  policy: fc.constantFrom('rp', 'rp', 'other'),
  measurement: fc.constantFrom('a', 'b', 'z', undefined),
});

const readers = fc.record({
  sources: fc.array(place, { minLength: 1, maxLength: 3 }),
  windows: fc.record({
    intervalNs: fc.constantFrom(1n, 7n, 10n, 60n),
    offsetNs: fc.constantFrom(0n, 3n),
    zone: fc.constant(undefined),
  }),
  sinceNs: fc.integer({ min: -60, max: 100 }).map(BigInt),
  announcedNs: fc.integer({ min: -60, max: 1_000 }).map(BigInt),
});

test('a measurement counts when some source names it or any', async () => {
  await fc.assert(
    fc.property(rowsOf(500), readers, (rows, reader) => {
      const isRead = readMeasurements(reader, rows);
      const expected = measurements.map((name) =>
        reader.sources.some(
          ({ database, policy, measurement }) =>
            database === 'd' && policy === 'rp' && (measurement ?? name) === name,
        )
          ? 1
          : 0,
      );
      expect([...(isRead ?? [0, 0, 0])]).toEqual(expected);
    }),
  );
});

test('marked windows hold all late rows; each marked stretch begins and ends at one', async () => {
  // The wide spread makes more windows than a mark tells apart.
  const rows = fc.oneof(rowsOf(500), rowsOf(20_000));
  await fc.assert(
    fc.property(rows, readers, (written, reader) => {
      const isRead = readMeasurements(reader, written);
      if (isRead === undefined) return;
      const { windows, sinceNs, announcedNs } = reader;
      const late: bigint[] = [];
      written.rowTimes.forEach((time, row) => {
        const isOwn = isRead[written.rowSeries[row]!] === 1;
        if (isOwn && time < announcedNs && time >= sinceNs) late.push(time);
      });
      const span = spanOf(written, isRead);
      const marked = span === undefined ? [] : findLateWindows(written, isRead, reader, span);
      for (const time of late) {
        expect(coversRange(marked, { from: time, until: time + 1n })).toBe(true);
      }
      for (const { from, until } of marked) {
        expect(late.some((time) => windowAt(windows, time).start === from)).toBe(true);
        expect(late.some((time) => windowAt(windows, time).end === until)).toBe(true);
      }
    }),
  );
});

test('the span goes from the first to the last row that counts', async () => {
  await fc.assert(
    fc.property(rowsOf(500), readers, (rows, reader) => {
      const isRead = readMeasurements(reader, rows) ?? new Uint8Array(3);
      const times = [...rows.rowTimes].filter((_, row) => isRead[rows.rowSeries[row]!] === 1);
      times.sort((a, b) => (a < b ? -1 : 1));
      const expected =
        times.length === 0 ? undefined : { from: times[0]!, until: times.at(-1)! + 1n };
      expect(spanOf(rows, isRead)).toEqual(expected);
    }),
  );
});
