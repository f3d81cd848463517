/** Remote writes: columns hold exactly the samples that can be stored, and a broken request none. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FloatPoints } from '../../../../src/broker/requests.ts';
import { readWriteRequest } from '../../../../src/http/prom/write-request.ts';
import { decodeSeriesKey } from '../../../../src/model/series-key.ts';
import { encodeWriteRequest, type PromSeries } from '../../../support/prom-messages.ts';

interface Row {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly time: bigint;
  readonly value: number;
}

function rowsOf(slices: Iterable<FloatPoints>): Row[] {
  const rows: Row[] = [];
  for (const { series, rowCount, rowSeries, rowTimes, values } of slices) {
    for (let row = 0; row < rowCount; row++) {
      const { key, field } = series[rowSeries[row]!]!;
      expect(field).toBe('value');
      const { measurement, tags } = decodeSeriesKey(key);
      expect(tags.map(([name]) => name)).toEqual(tags.map(([name]) => name).sort());
      rows.push({
        measurement,
        tags: Object.fromEntries(tags),
        time: rowTimes[row]!,
        value: values[row]!,
      });
    }
  }
  return rows;
}

/** Slow and obvious. */
function modelRows(series: readonly PromSeries[]): Row[] {
  return series.flatMap(({ labels, samples }) => {
    const tags = Object.fromEntries(
      Object.entries(labels).filter(([name, value]) => name !== '' && value !== ''),
    );
    const measurement = tags.__name__ ?? 'prom_metric_not_specified';
    return samples
      .filter(([value]) => Number.isFinite(value))
      .map(([value, timeMs]) => ({ measurement, tags, time: BigInt(timeMs) * 1_000_000n, value }));
  });
}

const names = fc.constantFrom('__name__', 'job', 'instance', 'le', 'a', 'ä', '');
const labelSets = fc.dictionary(names, fc.oneof(fc.string({ maxLength: 8 }), fc.constant('C:\\')));
const samples = fc.array(
  fc.tuple(fc.double(), fc.integer({ min: -9_223_372_036_854, max: 9_223_372_036_854 })),
  { maxLength: 20 },
);

test('samples become rows, in order', async () => {
  const series = fc.array(fc.record({ labels: labelSets, samples }), { maxLength: 12 });
  await fc.assert(
    fc.property(series, (given) => {
      expect(rowsOf(readWriteRequest(encodeWriteRequest(given)))).toEqual(modelRows(given));
    }),
  );
});

test('a large request comes in slices, a series across their edges too', () => {
  const many = (count: number, from: number): PromSeries['samples'] =>
    Array.from({ length: count }, (_, i) => [i, from + i]);
  const series = [
    { labels: { __name__: 'a' }, samples: many(5_000, 0) },
    { labels: { __name__: 'b' }, samples: many(20_000, 7) },
  ];
  const slices = [];
  const rows = [];
  for (const points of readWriteRequest(encodeWriteRequest(series))) {
    slices.push(points.rowCount);
    rows.push(...rowsOf([points]));
  }
  expect(slices).toEqual([8_192, 8_192, 8_192, 424]);
  expect(rows).toEqual(modelRows(series));
});

test('whatever is cut off or changed is refused, or is another whole request', async () => {
  const series = fc.array(fc.record({ labels: labelSets, samples }), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.property(series, fc.nat(), fc.nat(255), fc.nat(), (given, place, byte, cut) => {
      const bytes = encodeWriteRequest(given);
      bytes[place % bytes.length] = byte;
      const broken = bytes.subarray(0, bytes.length - (cut % 4));
      let slices: Iterable<FloatPoints>;
      try {
        slices = readWriteRequest(broken);
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid-argument' });
        return;
      }
      // What was taken as good is read to its end without an error.
      rowsOfAnything(slices);
    }),
    { numRuns: 1_000 },
  );
});

function rowsOfAnything(slices: Iterable<FloatPoints>): void {
  for (const { series } of slices) for (const { key } of series) decodeSeriesKey(key);
}

test('a time beyond all times is one that is refused later', () => {
  const labels = { __name__: 'a' };
  const request = encodeWriteRequest([
    {
      labels,
      samples: [
        [1, 9_223_372_036_855],
        [2, -(2 ** 63)],
      ],
    },
  ]);
  expect(rowsOf(readWriteRequest(request)).map(({ time }) => time)).toEqual([
    -(2n ** 63n),
    -(2n ** 63n),
  ]);
});

test('a label that no series can hold refuses the request', () => {
  const labels = { __name__: 'a', path: 'x'.repeat(70_000) };
  expect(() => readWriteRequest(encodeWriteRequest([{ labels, samples: [[1, 1]] }]))).toThrow(
    'label of 70000 bytes is too long',
  );
});
