/**
 * Goal: the frames hold exactly the cells of the batch: per series and time the later line wins, fields
 * merge, each series in its shard, refused rows nowhere, frames within their size.
 * Method: random line sets against a map of cells; tiny frame limits; rows without common fields.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeText } from '../../../../src/base/text.ts';
import { BatchSplitter, type ShardFrame, splitBatch } from '../../../../src/broker/split/split.ts';
import { LineParser, type ParsedSlice } from '../../../../src/lineprotocol/lineprotocol.ts';
import { openPointsFrame, type PointsFrame } from '../../../../src/model/frame-decode.ts';
import { formatSeriesKey } from '../../../../src/model/series-key.ts';
import { shardHash, shardOfHash } from '../../../../src/model/shard-hash.ts';
import { plainRows } from '../../lineprotocol/parsed-rows.ts';

const target = { shardCount: 8, dbId: '0123456789abcdef', rpId: 'fedcba9876543210' };

function parse(text: string): ParsedSlice {
  const slice = new LineParser().parse(encodeText(text), {
    database: 'db',
    precision: 'ns',
    nowNs: 0n,
  });
  expect(slice.errors).toEqual([]);
  return slice;
}

function acceptAll(slice: ParsedSlice): Uint8Array {
  return new Uint8Array(slice.fields.length).fill(1);
}

type Cells = Map<string, unknown>;

function readValue(frame: PointsFrame, series: number, c: number, row: number): unknown {
  const column = frame.column(series, c);
  if (column.valid !== undefined && column.valid[row] === 0) return undefined;
  if (column.type === 'boolean') return column.values[row] === 1;
  if (column.type !== 'string') return column.values[row];
  const bytes = column.bytes.subarray(column.starts[row]!, column.starts[row + 1]!);
  return Buffer.from(bytes).toString();
}

/** All cells of the frames; fails when one occurs twice or stands in the wrong shard. */
function cellsOf(frames: readonly ShardFrame[]): Cells {
  const cells: Cells = new Map();
  for (const { shard, frame: bytes, rowCount } of frames) {
    expect(bytes.byteOffset).toBe(0);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
    const frame = openPointsFrame(bytes);
    expect(frame.header).toMatchObject({ ...target, shard, rowCount });
    for (let s = 0; s < frame.seriesCount; s++) {
      expect(shardOfHash(shardHash('db', frame.key(s)), target.shardCount)).toBe(shard);
      const name = formatSeriesKey(frame.key(s));
      frame.times(s).forEach((time, row) => {
        for (let c = 0; c < frame.columnCount(s); c++) {
          const value = readValue(frame, s, c, row);
          if (value === undefined) continue;
          const key = frame.columnKeys[frame.columnKeyIndex(s, c)]!;
          const id = `${name} ${time} ${key.name} ${key.type}`;
          expect(cells.has(id), `${id} twice`).toBe(false);
          cells.set(id, value);
        }
      });
    }
  }
  return cells;
}

function expectedCells(slice: ParsedSlice): Cells {
  const cells: Cells = new Map();
  for (const { series, time, cells: own } of plainRows(slice)) {
    for (const [name, type, value] of own) cells.set(`${series} ${time} ${name} ${type}`, value);
  }
  return cells;
}

/** At and beyond the ends of one, two, four and more bytes. */
const edges = [7, 15, 31, 53, 63].flatMap((bits) => {
  const end = 2n ** BigInt(bits);
  return [end - 1n, end, -end, -end - 1n].filter((n) => n >= -(2n ** 63n) && n < 2n ** 63n);
});

const value = fc.oneof(
  fc.constantFrom(...edges).map((n) => `${n}i`),
  fc.integer({ min: -5, max: 5 }).map((n) => `${n}i`),
  fc.integer({ min: -5, max: 5 }).map((n) => `${n}.5`),
  fc.constantFrom('t', 'f', '"x"', '""', '"a longer text"', '"é\\"\n"'),
);
const field = fc.tuple(fc.constantFrom('a', 'b', 'c', 'dd', 'e'), value).map((f) => f.join('='));
const line = fc
  .record({
    series: fc.constantFrom('m', 'm,t=1', 'm,t=2', 'n,t=1', 'o,u=3,v=4'),
    fields: fc.array(field, { minLength: 1, maxLength: 5 }),
    time: fc.integer({ min: -3, max: 6 }),
  })
  .map(({ series, fields, time }) => `${series} ${fields.join(',')} ${time}\n`);
const lines = fc.array(line, { minLength: 1, maxLength: 60 });

test('frames hold the cells of the lines, the later line winning', async () => {
  const splitter = new BatchSplitter();
  await fc.assert(
    fc.property(lines, (all) => {
      const slice = parse(all.join(''));
      const { frames, refusedRows } = splitter.split(slice, {
        ...target,
        accepts: acceptAll(slice),
      });
      expect(refusedRows).toBe(0);
      expect(cellsOf(frames)).toEqual(expectedCells(slice));
    }),
    { numRuns: 300 },
  );
});

test('small frames split a series and lose nothing', async () => {
  const splitter = new BatchSplitter(1_000);
  await fc.assert(
    fc.property(fc.array(line, { minLength: 30, maxLength: 200 }), (all) => {
      const slice = parse(all.join(''));
      const { frames } = splitter.split(slice, { ...target, accepts: acceptAll(slice) });
      for (const { frame } of frames) expect(frame.length).toBeLessThanOrEqual(1_000);
      expect(cellsOf(frames)).toEqual(expectedCells(slice));
    }),
    { numRuns: 100 },
  );
});

test('rows with a refused field, or refused by the caller, vanish and are counted', async () => {
  const choice = fc.array(fc.nat(3), { minLength: 40, maxLength: 40 });
  await fc.assert(
    fc.property(lines, choice, choice, (all, fields, rows) => {
      const slice = parse(all.join(''));
      const accepts = Uint8Array.from(slice.fields, (_, i) => (fields[i % 40] === 0 ? 0 : 1));
      const rowAccepts = Uint8Array.from({ length: slice.rowCount }, (_, i) =>
        rows[i % 40] === 0 ? 0 : 1,
      );
      const split = splitBatch(slice, { ...target, accepts, rowAccepts });
      const isRefused = (row: number): boolean =>
        slice.cellField
          .subarray(slice.cellStart[row], slice.cellStart[row + 1])
          .some((one) => accepts[one] === 0);
      const refused = Array.from({ length: slice.rowCount }, (_, row) => row).filter(
        (row) => rowAccepts[row] === 1 && isRefused(row),
      );
      expect(split.refusedRows).toBe(refused.length);
      expect(split.firstRefusedRow).toBe(refused[0] ?? -1);
      const kept: Cells = new Map();
      plainRows(slice).forEach(({ series, time, cells }, row) => {
        if (rowAccepts[row] === 0 || isRefused(row)) return;
        for (const [name, type, one] of cells) kept.set(`${series} ${time} ${name} ${type}`, one);
      });
      expect(cellsOf(split.frames)).toEqual(kept);
    }),
    { numRuns: 200 },
  );
});

test('a series whose rows share no field does not blow up', () => {
  const text = Array.from({ length: 20_000 }, (_, i) => `m f${i}=1 ${i}\n`).join('');
  const slice = parse(text);
  const { frames } = splitBatch(slice, { ...target, accepts: acceptAll(slice) });
  const size = frames.reduce((sum, { frame }) => sum + frame.length, 0);
  expect(size).toBeLessThan(text.length * 40);
  expect(cellsOf(frames).size).toBe(20_000);
});

test('a large series is cut at the frame limit, a huge row stands alone', () => {
  const row = (i: number): string => `m v="${'x'.repeat(9_000)}${i}" ${i}\n`;
  const text = Array.from({ length: 1_000 }, (_, i) => row(i)).join('');
  const slice = parse(`${text}m v="${'y'.repeat(5_000_000)}" 5000\n`);
  const { frames } = splitBatch(slice, { ...target, accepts: acceptAll(slice) });
  expect(cellsOf(frames)).toEqual(expectedCells(slice));
  const large = frames.filter(({ frame }) => frame.length > 4 * 1024 * 1024);
  expect(large.map(({ rowCount }) => rowCount)).toEqual([1]);
});

test('an empty batch makes no frames', () => {
  const slice = parse('# nothing\n');
  expect(splitBatch(slice, { ...target, accepts: acceptAll(slice) }).frames).toEqual([]);
});

test.each(
  edges.map((edge) => [edge]),
)('a column of integers is as narrow as its widest value lets it be: %s', (edge) => {
  const slice = parse(`m v=1i,w=${edge}i 1\nm v=0i,w=-1i 2\nm v=-1i,w=0i 3\n`);
  const { frames } = splitBatch(slice, { ...target, accepts: acceptAll(slice) });
  expect(cellsOf(frames)).toEqual(expectedCells(slice));
  const frame = openPointsFrame(frames[0]!.frame);
  const sizes = [8, 16, 32].map((bits) => (BigInt.asIntN(bits, edge) === edge ? bits / 8 : 8));
  const sizeOf = (c: number) => frame.narrowIntegers(0, c)?.BYTES_PER_ELEMENT ?? 8;
  expect([sizeOf(0), sizeOf(1)]).toEqual([1, Math.min(...sizes)]);
});
