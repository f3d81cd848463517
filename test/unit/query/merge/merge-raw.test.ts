/**
 * Goal: the merge of streams is the sorted union of their rows, however they are cut into blocks.
 * Method: random rows dealt to streams by series; the model sorts them all.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RawBlock } from '../../../../src/model/plan.ts';
import { readValue } from '../../../../src/query/columns/column-builder.ts';
import { mergeRaw } from '../../../../src/query/merge/merge-raw.ts';

interface Row {
  readonly group: string;
  readonly series: string;
  readonly time: bigint;
  readonly value: number | undefined;
  readonly wide: bigint;
}

const rows = fc.uniqueArray(
  fc.record({
    group: fc.constantFrom('', 'a', 'b', 'ä'),
    series: fc.integer({ min: 0, max: 6 }),
    time: fc.bigInt({ min: -20n, max: 20n }).map((time) => time * 3_000_000_000n),
    value: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
    wide: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  { maxLength: 120, selector: ({ group, series, time }) => `${group}/${series}/${time}` },
);

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function order(descending: boolean) {
  const sign = descending ? -1 : 1;
  return (a: Row, b: Row): number => {
    const byGroup = compareBytes(a.group, b.group);
    if (byGroup !== 0) return byGroup * sign;
    if (a.time !== b.time) return (a.time < b.time ? -1 : 1) * sign;
    return compareBytes(a.series, b.series) * sign;
  };
}

function blockOf(part: readonly Row[]): RawBlock {
  const series = [...new Set(part.map((row) => row.series))].sort(compareBytes);
  const texts = part.map((row) => row.series);
  const dictionary = [...new Set(texts)];
  return {
    kind: 'raw',
    group: [part[0]!.group],
    times: BigInt64Array.from(part, (row) => row.time),
    columns: [
      {
        type: 'float',
        values: Float64Array.from(part, (row) => row.value ?? 0),
        valid: Uint8Array.from(part, (row) => (row.value === undefined ? 0 : 1)),
      },
      { type: 'integer', values: BigInt64Array.from(part, (row) => row.wide), valid: undefined },
      {
        type: 'string',
        codes: Uint32Array.from(texts, (text) => dictionary.indexOf(text)),
        dictionary,
        valid: undefined,
      },
      undefined,
    ],
    series,
    seriesOfRow: Uint32Array.from(part, (row) => series.indexOf(row.series)),
  };
}

async function* streamOf(sorted: readonly Row[], blockRows: number): AsyncGenerator<RawBlock> {
  let from = 0;
  while (from < sorted.length) {
    let until = from + 1;
    while (
      until < sorted.length &&
      until - from < blockRows &&
      sorted[until]!.group === sorted[from]!.group
    ) {
      until++;
    }
    yield blockOf(sorted.slice(from, until));
    from = until;
  }
}

test('merged rows are the sorted union', async () => {
  const shape = fc.record({
    descending: fc.boolean(),
    streamCount: fc.integer({ min: 1, max: 5 }),
    blockRows: fc.integer({ min: 1, max: 9 }),
  });
  await fc.assert(
    fc.asyncProperty(rows, shape, async (list, { descending, streamCount, blockRows }) => {
      const all: Row[] = list.map((row) => ({
        ...row,
        series: `m,s=${row.series},g=${row.group}`,
      }));
      const sorted = [...all].sort(order(descending));
      const streams = Array.from({ length: streamCount }, (_, stream) =>
        streamOf(
          sorted.filter(
            (row) => (row.series.charCodeAt(4) + row.series.length) % streamCount === stream,
          ),
          blockRows,
        ),
      );
      const merged: Row[] = [];
      for await (const { group, frame } of mergeRaw(streams, descending)) {
        expect(frame.columns[3]).toBeUndefined();
        for (let row = 0; row < frame.rowCount; row++) {
          merged.push({
            group: group[0]!,
            series: String(readValue(frame.columns[2], row)),
            time: frame.times[row]!,
            value: readValue(frame.columns[0], row) as number | undefined,
            wide: BigInt(readValue(frame.columns[1], row)!),
          });
        }
      }
      expect(merged).toEqual(sorted);
    }),
    { numRuns: 200 },
  );
});

test('leaving early tells every stream', async () => {
  const closed: number[] = [];
  const endless = (id: number): AsyncIterable<RawBlock> => ({
    [Symbol.asyncIterator]: () => {
      let time = 0n;
      return {
        next: async () => ({
          done: false,
          value: blockOf([{ group: '', series: `s${id}`, time: time++, value: 1, wide: 1n }]),
        }),
        return: async () => {
          closed.push(id);
          return { done: true, value: undefined };
        },
      };
    },
  });
  for await (const { frame } of mergeRaw([endless(0), endless(1)], false)) {
    expect(frame.rowCount).toBeGreaterThan(0);
    break;
  }
  expect(closed).toEqual([0, 1]);
});
