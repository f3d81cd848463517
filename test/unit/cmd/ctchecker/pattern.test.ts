/** The checker must be able to see every kind of damage, or its silence means nothing. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FindingKind, SeriesComparison } from '../../../../cmd/ctchecker/compare.ts';
import { parseJournal } from '../../../../cmd/ctchecker/journal.ts';
import { readOptions } from '../../../../cmd/ctchecker/options.ts';
import { parseRows } from '../../../../cmd/ctchecker/parse-rows.ts';
import {
  computeChecksum,
  formatPoint,
  indexOf,
  makePoint,
  type PatternPoint,
  timeOf,
} from '../../../../cmd/ctchecker/pattern.ts';

const anySeries = fc.integer({ min: 0, max: 999_999 });
const anyIndex = fc.integer({ min: 0, max: 99_999_999 });

function compare(points: readonly PatternPoint[], count: number): Record<string, number> {
  const comparison = new SeriesComparison(3, count);
  for (const point of points) comparison.add(point);
  const kinds: Partial<Record<FindingKind, number>> = {};
  for (const { kind } of comparison.finish()) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return kinds;
}

function makePoints(count: number): PatternPoint[] {
  return Array.from({ length: count }, (_, index) => makePoint(3, index));
}

test('the index follows from the time, and times rise with the index', () => {
  fc.assert(
    fc.property(anySeries, anyIndex, (series, index) => {
      expect(indexOf(timeOf(series, index))).toBe(index);
      expect(timeOf(series, index) < timeOf(series, index + 1)).toBe(true);
    }),
  );
});

test('a point is the same whenever it is made, and differs from its neighbours', () => {
  fc.assert(
    fc.property(anySeries, anyIndex, (series, index) => {
      const point = makePoint(series, index);
      expect(makePoint(series, index)).toEqual(point);
      expect(makePoint(series + 1, index)).not.toEqual(point);
      expect(computeChecksum(series, point)).toBe(point.checksum);
    }),
  );
});

test('the line of a point is fixed for good: older data must stay checkable', () => {
  expect(formatPoint('t,1', 2, 7)).toMatchInlineSnapshot(
    `"t\\,1,id=s2 f=-662,i=1492339031655956566i,s="s2 \\"1ccd9fp\\", é\\\\",b=true,crc=12524925i 1500000007032113370"`,
  );
});

test('whole data gives no finding, in any order', () => {
  expect(compare(makePoints(50), 50)).toEqual({});
  expect(compare(makePoints(50).reverse(), 50)).toEqual({});
});

test('missing and duplicate points are found', () => {
  const points = makePoints(50);
  expect(compare(points.slice(1), 50)).toEqual({ missing: 1 });
  expect(compare([], 50)).toEqual({ missing: 50 });
  expect(compare([...points, points[7]!], 50)).toEqual({ duplicate: 1 });
});

test('a changed value is corrupt, a whole point of elsewhere is misplaced', () => {
  const [first, ...others] = makePoints(5);
  const changed: Partial<PatternPoint>[] = [
    { float: 0.5 },
    { integer: first!.integer + 1n },
    { string: `${first!.string} ` },
    { boolean: !first!.boolean },
    { checksum: first!.checksum ^ 1 },
  ];
  for (const change of changed) {
    expect(compare([{ ...first!, ...change }, ...others], 5)).toEqual({ corrupt: 1 });
  }
  const moved = { ...makePoint(3, 9), timeNs: first!.timeNs };
  const resealed = { ...moved, checksum: computeChecksum(3, moved) };
  expect(compare([resealed, ...others], 5)).toEqual({ misplaced: 1 });
});

test('a point off by one nanosecond is unexpected, and the right one missing', () => {
  const [first, ...others] = makePoints(5);
  const shifted = { ...first!, timeNs: first!.timeNs + 1n };
  expect(compare([shifted, ...others], 5)).toEqual({ unexpected: 1, missing: 1 });
});

test('points after the count are no findings but are counted', () => {
  const comparison = new SeriesComparison(3, 2);
  for (const point of makePoints(5)) comparison.add(point);
  expect(comparison.finish()).toEqual([]);
  expect(comparison.beyondCount).toBe(3);
});

test('rows are read exactly, 64-bit integers and nanoseconds included', () => {
  fc.assert(
    fc.property(anySeries, anyIndex, (series, index) => {
      const { timeNs, float, integer, string, boolean, checksum } = makePoint(series, index);
      const row = `[${timeNs},${float},${integer},${JSON.stringify(string)},${boolean},${checksum}]`;
      const columns = '["time","f","i","s","b","crc"]';
      const json = `{"results":[{"series":[{"columns":${columns},"values":[${row}]}]}]}`;
      expect(parseRows(json)).toEqual([makePoint(series, index)]);
    }),
  );
});

test('long fractions stay numbers', () => {
  const json =
    '{"results":[{"series":[{"columns":["time","f"],"values":[[1,-0.12345678901234567]]}]}]}';
  expect(parseRows(json)[0]?.float).toBe(Number('-0.12345678901234567'));
});

test('an error inside a response is an error', () => {
  expect(() => parseRows('{"error":"no"}')).toThrow('no');
  expect(() => parseRows('{"results":[{"statement_id":0,"error":"bad"}]}')).toThrow('bad');
  expect(parseRows('{"results":[{"statement_id":0}]}')).toEqual([]);
});

test('the journal counts only runs with the same number of series', () => {
  const text = 'run table=t count=2 series=2\nack 0 2\nrun table=t count=9 series=3\nack 2 4\n';
  expect(parseJournal(text, 4, 2)).toEqual(new Uint8Array([1, 1, 0, 0]));
  expect(parseJournal(text, 4, 3)).toEqual(new Uint8Array([0, 0, 1, 1]));
  expect(parseJournal(text, 4, 4)).toBeUndefined();
});

test('options have the promised names and defaults', () => {
  expect(readOptions(['-write', '--tstore'])).toEqual({
    store: 'tstore',
    write: true,
    check: false,
    count: 1,
    series: 1,
    rate: 1,
    table: 'test',
    urls: ['http://localhost:7086'],
  });
  const urls = ['-url', 'http://a:1,http://b:2', '-url=http://c:3'];
  expect(readOptions(['-check', '-tstore', ...urls])).toMatchObject({
    urls: ['http://a:1', 'http://b:2', 'http://c:3'],
  });
});

test.each([
  [['-write', '-kstore', '-tstore'], 'either -tstore or -kstore'],
  [['-write'], 'say which store'],
  [['-tstore'], 'say what to do'],
  [['-write', '-tstore', '-rate', '100001'], 'bad value "100001" for -rate'],
  [['-write', '-tstore', '-url', 'localhost'], 'bad value "localhost" for -url'],
  [['-write', '-tstore', '-table', 'a b'], 'bad value "a b" for -table'],
  [['-write', '-tstore', '-seres', '2'], 'did you mean -series?'],
  [['-write', '-tstore', '-count', '9999999', '-series', '9999'], 'more than 2000000000 points'],
])('%j is refused', (args, message) => {
  expect(() => readOptions(args)).toThrow(message);
});
