/**
 * Goal: what a subscription sends is, parsed again, the points that were written: every type, odd names, both
 * ends of every range, however small the bodies; what cannot be said is left out and counted.
 * Method: random lines through the real parser and splitter into frames, back to lines, and through the parser
 * again; cells compared.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeText } from '../../../../src/base/text.ts';
import { BatchSplitter } from '../../../../src/broker/split/split.ts';
import {
  formatPoints,
  type Point,
  type PointValue,
} from '../../../../src/lineprotocol/format-points.ts';
import { LineParser, type ParsedSlice } from '../../../../src/lineprotocol/lineprotocol.ts';
import { encodePointsFrame } from '../../../../src/model/frame-encode.ts';
import { encodeSeriesKey } from '../../../../src/model/series-key.ts';
import { formatFrames } from '../../../../src/services/subscriptions/format-frames.ts';
import { plainRows } from '../../lineprotocol/parsed-rows.ts';

const target = { shardCount: 1, dbId: '0123456789abcdef', rpId: 'fedcba9876543210' };

const part = fc.constantFrom(
  'a',
  'b',
  ',',
  '=',
  ' ',
  '#',
  '\t',
  '\r',
  'é',
  '😀',
  '\udcff',
  '0',
  "'",
  '\\x',
);
const text = fc
  .array(part, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''))
  .filter((name) => !/\\[,= "\\]|\\$|^[,#\t\0 ]|\p{Surrogate}{2}/u.test(name));
const content = fc.array(fc.oneof(part, fc.constantFrom('"', '\\', '\n')), { maxLength: 8 });
const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const floats = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 5e-324, 1.7976931348623157e308, 0.1, 1e21, 1e-7, -3),
);
const valuesOf: Readonly<Record<string, fc.Arbitrary<PointValue>>> = {
  f: floats.map((value) => ({ type: 'float', value })),
  i: fc.bigInt(int64).map((value) => ({ type: 'integer', value })),
  b: fc.boolean().map((value) => ({ type: 'boolean', value })),
  s: content
    .map((parts) => parts.join(''))
    .filter((value) => !/\p{Surrogate}{2}/u.test(value))
    .map((value) => ({ type: 'string', value })),
};
/** The first letter of a field's name says its type, so that no two points disagree. */
const field = fc
  .tuple(fc.constantFrom('f', 'i', 'b', 's'), text)
  .chain(([letter, name]) => fc.tuple(fc.constant(letter + name), valuesOf[letter]!));
const point: fc.Arbitrary<Point> = fc.record({
  series: fc.record({
    measurement: fc.constantFrom('m', 'n o', 'é,'),
    tags: fc
      .uniqueArray(fc.tuple(text, text), { maxLength: 2, selector: ([key]) => key })
      .map((tags) => tags.filter(([key]) => key !== 'time')),
  }),
  fields: fc.uniqueArray(field, { minLength: 1, maxLength: 4, selector: ([name]) => name }),
  time: fc.oneof(
    fc.bigInt({ min: -9223372036854775806n, max: 9223372036854775806n }),
    fc.bigInt({ min: 0n, max: 3n }),
  ),
});

function parse(body: Uint8Array): ParsedSlice {
  return new LineParser().parse(body, { database: 'db', precision: 'ns', nowNs: 0n });
}

/** Series and time -> field -> value; a later line wins. */
function cellsOf(slices: readonly Uint8Array[]): Map<string, unknown> {
  const cells = new Map<string, unknown>();
  for (const body of slices) {
    const slice = parse(body);
    expect([slice.errors, slice.dropped]).toEqual([[], []]);
    for (const row of plainRows(slice)) {
      for (const [name, type, value] of row.cells) {
        cells.set(`${row.series} ${row.time} ${name} ${type}`, value);
      }
    }
  }
  return cells;
}

test('lines made from frames are the points that were written', async () => {
  await fc.assert(
    fc.property(
      fc.array(point, { minLength: 1, maxLength: 20 }),
      fc.constantFrom(1, 40, 10_000),
      (points, sizeMax) => {
        const body = formatPoints(points);
        const slice = parse(body);
        const accepts = new Uint8Array(slice.fields.length).fill(1);
        const { frames } = new BatchSplitter(2_000).split(slice, { ...target, accepts });
        const bodies = [
          ...formatFrames(
            frames.map(({ frame }) => frame),
            () => sizeMax,
          ),
        ];
        for (const { bytes, ends, unwritable } of bodies) {
          expect(unwritable).toBe(0);
          expect(ends.every((end) => bytes[end] === 0x0a)).toBe(true);
          expect((ends.at(-1) ?? -1) + 1).toBe(bytes.length);
          // But for the line that brings it there.
          expect(ends.length < 2 || ends.at(-2)! < sizeMax).toBe(true);
        }
        expect(cellsOf(bodies.map(({ bytes }) => bytes))).toEqual(cellsOf([body]));
        const rowCount = frames.reduce((sum, frame) => sum + frame.rowCount, 0);
        expect(bodies.reduce((sum, { ends }) => sum + ends.length, 0)).toBe(rowCount);
      },
    ),
  );
});

test('a series that no line can name is left out and counted; the others are there', () => {
  const columns = [{ name: 'v', type: 'float' as const, values: Float64Array.of(1, 2) }];
  const series = (value: string) => {
    const key = encodeSeriesKey({ measurement: 'm', tags: [['path', value]] });
    return { key, times: BigInt64Array.of(1n, 2n), columns };
  };
  const place = { ...target, shard: 0 };
  const frame = encodePointsFrame(place, [series('C:\\'), series('C:'), series('a\nb')]);
  const bodies = [...formatFrames([frame], () => 1_000)];
  expect(bodies.map(({ bytes }) => bytes)).toEqual([
    encodeText('m,path=C: v=1 1\nm,path=C: v=2 2\n'),
  ]);
  expect(bodies.reduce((sum, { unwritable }) => sum + unwritable, 0)).toBe(4);
});
