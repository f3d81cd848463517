/** Partition bounds follow InfluxDB's shard groups, hold the time asked for, and never overlap. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxTime, minTime } from '../../../../src/model/time.ts';
import { type Bounds, boundsFor } from '../../../../src/tstore/partition/partition-bounds.ts';

const hour = 3_600_000_000_000n;
const day = 24n * hour;
const at = (text: string) => BigInt(new Date(text).getTime()) * 1_000_000n;

test('a week starts on Monday, a day at midnight, before and after 1970', () => {
  expect(boundsFor(at('2015-06-11T20:46:02Z'), 7n * day, [])).toEqual({
    start: at('2015-06-08T00:00:00Z'),
    end: at('2015-06-15T00:00:00Z'),
  });
  expect(boundsFor(at('1969-12-31T23:59:59Z'), day, []).start).toBe(at('1969-12-31T00:00:00Z'));
  expect(boundsFor(at('1969-12-31T23:00:00Z'), 7n * day, []).start).toBe(
    at('1969-12-29T00:00:00Z'),
  );
});

test('bounds hold the time, are short enough, and give way to those that exist', async () => {
  const input = fc.tuple(
    fc.array(
      fc.tuple(fc.bigInt(minTime, maxTime), fc.constantFrom(hour, day, 7n * day, 400n * day)),
    ),
    fc.bigInt(minTime, maxTime),
  );
  await fc.assert(
    fc.property(input, ([wishes]) => {
      const existing: Bounds[] = [];
      for (const [time, duration] of wishes) {
        if (existing.some(({ start, end }) => start <= time && time < end)) continue;
        const made = boundsFor(time, duration, existing);
        expect(made.start <= time && time < made.end).toBe(true);
        expect(made.end - made.start <= 91n * day).toBe(true);
        for (const other of existing) {
          expect(made.end <= other.start || made.start >= other.end).toBe(true);
        }
        existing.push(made);
      }
    }),
  );
});

test('a duration that was altered gives clipped partitions beside the old ones', () => {
  const monday = at('2015-06-08T00:00:00Z');
  const old = boundsFor(monday + day, day, []);
  const before = boundsFor(monday, 7n * day, [old]);
  expect(before).toEqual({ start: monday, end: monday + day });
  const after = boundsFor(monday + 3n * day, 7n * day, [old, before]);
  expect(after).toEqual({ start: monday + 2n * day, end: monday + 7n * day });
});
