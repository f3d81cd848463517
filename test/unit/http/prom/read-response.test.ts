/** Answers to remote reads: whatever comes in pieces of any size is one block that Prometheus can unpack. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryPool } from '../../../../src/base/memory-budget.ts';
import { ReadResponse } from '../../../../src/http/prom/read-response.ts';
import type { SeriesPiece } from '../../../../src/query/result.ts';
import { decodeReadResponse, type PromSeries } from '../../../support/prom-messages.ts';

function pieceOf(labels: PromSeries['labels'], samples: PromSeries['samples']): SeriesPiece {
  return {
    name: 'm',
    tags: Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)),
    columns: ['time', 'value'],
    rowCount: samples.length,
    times: BigInt64Array.from(samples, ([, timeMs]) => BigInt(timeMs) * 1_000_000n),
    values: [
      { type: 'float', values: Float64Array.from(samples, ([value]) => value), valid: undefined },
    ],
    zone: undefined,
  };
}

const samples = fc.array(
  fc.tuple(
    fc.double({ noNaN: true }),
    fc.integer({ min: -9_223_372_036_854, max: 9_223_372_036_854 }),
  ),
  { minLength: 1, maxLength: 30 },
);

test('series in pieces are whole series again', async () => {
  const series = fc.array(fc.array(samples, { minLength: 1, maxLength: 4 }), { maxLength: 6 });
  await fc.assert(
    fc.property(series, (given) => {
      const response = new ReadResponse(undefined);
      for (const [i, pieces] of given.entries()) {
        const labels = { __name__: 'm', empty: '', number: String(i) };
        for (const piece of pieces) response.add(pieceOf(labels, piece));
      }
      const expected = given.map((pieces, i) => ({
        labels: { __name__: 'm', number: String(i) },
        samples: pieces.flat(),
      }));
      expect(decodeReadResponse(response.finish())).toEqual([expected]);
    }),
  );
});

test('an answer of many fragments', () => {
  const response = new ReadResponse(undefined);
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => [i / 7, i * 15_000] as const);
  const sizes = [1, 20_000, 3, 5_000, 1];
  for (const [i, size] of sizes.entries()) response.add(pieceOf({ number: String(i) }, many(size)));
  const [series = []] = decodeReadResponse(response.finish());
  expect(series.map((one) => one.samples.length)).toEqual(sizes);
  expect(series[1]!.samples).toEqual(many(20_000));
});

test('rows without a value and columns that are no floats are left out', () => {
  const response = new ReadResponse(undefined);
  const piece = pieceOf({ a: 'b' }, [
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  const values = Float64Array.of(1, 2, 3);
  const holed = { type: 'float', values, valid: Uint8Array.of(1, 0, 1) } as const;
  response.add({ ...piece, values: [holed] });
  response.add({ ...piece, name: 'n', values: [{ ...holed, type: 'integer' }] });
  expect(decodeReadResponse(response.finish())).toEqual([
    [
      {
        labels: { a: 'b' },
        samples: [
          [1, 1],
          [3, 3],
        ],
      },
    ],
  ]);
});

test('without any series there is one empty result', () => {
  expect(decodeReadResponse(new ReadResponse(undefined).finish())).toEqual([[]]);
});

test('what it holds counts as memory of the query', () => {
  const limits = { queryBytes: 1_000_000, totalBytes: 2_000_000 };
  const account = new MemoryPool(limits).open();
  const response = new ReadResponse(account);
  const piece = pieceOf(
    { a: 'b' },
    Array.from({ length: 4_000 }, (_, i) => [i, i]),
  );
  expect(() => {
    for (let i = 0; i < 100; i++) response.add(piece);
  }).toThrow('max-query-memory');
  expect(account.usedBytes).toBeGreaterThan(0);
});
