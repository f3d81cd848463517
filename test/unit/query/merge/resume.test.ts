/**
 * Goal: a stream that breaks anywhere and goes on from another replica gives every row once, in order.
 * Method: random rows in random blocks; cut the first stream, replay a second one with other block bounds.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AggregateBlock, RawBlock } from '../../../../src/model/plan.ts';
import { ResumeFilter } from '../../../../src/query/merge/resume.ts';

interface Row {
  readonly group: string;
  readonly time: bigint;
  readonly series: string;
}

const names = ['', 'a', 'b', 'ä', '\u{1f600}', '\uffee'];
const rowArbitrary = fc.record({
  group: fc.constantFrom(...names),
  time: fc.bigInt(-3n, 3n),
  series: fc.constantFrom('m,t=a', 'm,t=b', 'm,t=\u{1f600}', 'm,t=\uffee'),
});

function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function compareRows(a: Row, b: Row): number {
  if (a.group !== b.group) return compareUtf8(a.group, b.group);
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return compareUtf8(a.series, b.series);
}

function toBlock(rows: readonly Row[]): RawBlock {
  const series = [...new Set(rows.map((row) => row.series))].sort(compareUtf8);
  return {
    kind: 'raw',
    group: [rows[0]!.group],
    times: BigInt64Array.from(rows, ({ time }) => time),
    columns: [
      {
        type: 'float',
        values: Float64Array.from(rows, ({ time }) => Number(time)),
        valid: undefined,
      },
      undefined,
    ],
    series,
    seriesOfRow: Uint32Array.from(rows, (row) => series.indexOf(row.series)),
  };
}

/** Blocks of one group each, cut at the given sizes. */
function cutBlocks(rows: readonly Row[], sizes: readonly number[]): RawBlock[] {
  const blocks: RawBlock[] = [];
  let pending: Row[] = [];
  const close = () => {
    if (pending.length > 0) blocks.push(toBlock(pending));
    pending = [];
  };
  rows.forEach((row, i) => {
    if (pending.length > 0 && pending[0]!.group !== row.group) close();
    pending.push(row);
    if (pending.length >= sizes[i % sizes.length]!) close();
  });
  close();
  return blocks;
}

function toRows(block: RawBlock): Row[] {
  return Array.from(block.times, (time, i) => {
    const [column] = block.columns;
    expect(column?.type === 'float' && column.values[i]).toBe(Number(time));
    return { group: block.group[0]!, time, series: block.series[block.seriesOfRow[i]!]! };
  });
}

test('rows of a broken stream come once and in order', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.property(
      fc.array(rowArbitrary, { maxLength: 60 }),
      fc.boolean(),
      fc.array(sizes, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(20), { minLength: 4, maxLength: 4 }),
      (drawn, descending, cuts, breaks) => {
        const unique = new Map(drawn.map((row) => [`${row.group}/${row.time}/${row.series}`, row]));
        const sign = descending ? -1 : 1;
        const rows = [...unique.values()].sort((a, b) => sign * compareRows(a, b));
        const filter = new ResumeFilter(descending);
        const got: Row[] = [];
        cuts.forEach((cut, attempt) => {
          const blocks = cutBlocks(rows, cut);
          const isLast = attempt === cuts.length - 1;
          filter.restart();
          for (const block of isLast ? blocks : blocks.slice(0, breaks[attempt])) {
            const rest = filter.take(block);
            if (rest !== undefined) got.push(...toRows(rest));
          }
        });
        expect(got).toEqual(rows);
      },
    ),
  );
});

test('an aggregate group that was delivered is not delivered again', () => {
  const block = (group: string): AggregateBlock => ({
    kind: 'aggregate',
    group: [group],
    windows: BigInt64Array.of(0n),
    partials: [{ fn: 'count', counts: Float64Array.of(1) }],
  });
  const filter = new ResumeFilter(false);
  expect(filter.take(block('a'))).toEqual(block('a'));
  expect(filter.take(block('c'))).toEqual(block('c'));
  filter.restart();
  expect(filter.take(block('a'))).toBeUndefined();
  expect(filter.take(block('b'))).toBeUndefined();
  expect(filter.take(block('c'))).toBeUndefined();
  expect(filter.take(block('d'))).toEqual(block('d'));
});
