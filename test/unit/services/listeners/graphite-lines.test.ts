/** Graphite's plain text. What InfluxDB makes of the same lines is compared in test/conformance/listeners.test.ts. */

import { expect, test } from 'vitest';
import { decodeSeriesKey } from '../../../../src/model/series-key.ts';
import { GraphiteLines } from '../../../../src/services/listeners/graphite-lines.ts';
import { GraphiteTemplates } from '../../../../src/services/listeners/graphite-template.ts';

const nowNs = 1_600_000_000_123_456_789n;

function read(text: string) {
  const lines = new GraphiteLines(new GraphiteTemplates([], [], '.'));
  const { points, ...chunk } = lines.read(Buffer.from(text), nowNs);
  const rows = Array.from({ length: points.rowCount }, (_, row) => [
    decodeSeriesKey(points.series[points.rowSeries[row]!]!.key).measurement,
    points.values[row],
    points.rowTimes[row],
  ]);
  return { rows, ...chunk };
}

test('value, seconds with a fraction, and no time or -1, which is now', () => {
  const { rows, lineCount, refusedCount } = read(
    'a.b 1.5 10\r\na.b -2e3 10.25\n\n a.b\t3 \na.b 4 -1\n',
  );
  expect(rows).toEqual([
    ['a.b', 1.5, 10_000_000_000n],
    ['a.b', -2000, 10_250_000_000n],
    ['a.b', 3, nowNs],
    ['a.b', 4, nowNs],
  ]);
  expect([lineCount, refusedCount]).toEqual([4, 0]);
});

test.each([
  ['one', 'required fields'],
  ['a 1 2 3', 'required fields'],
  ['a x 1', '"x" is no number'],
  ['a 0x10 1', '"0x10" is no number'],
  ['a Infinity 1', 'is no number'],
  ['a 1e999 1', 'is no number'],
  ['a 1 noon', 'time: "noon" is no number'],
  ['a 1 99999999999', 'timestamp out of range'],
])('%s is no point', (line, reason) => {
  const chunk = read(`${line}\nb 1 1\n`);
  expect(chunk).toMatchObject({ lineCount: 2, refusedCount: 1 });
  expect(chunk.reason).toContain(reason);
  expect(chunk.rows).toHaveLength(1);
});

test('NaN is left out without a word', () => {
  expect(read('a nan 1\na NaN 2\n')).toMatchObject({ rows: [], lineCount: 2, refusedCount: 0 });
});
