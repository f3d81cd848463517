/**
 * Goal: a frame gives back exactly what was put in, and no damaged or foreign frame is taken for a good one.
 * Method: random series of all types through encode and open; every byte of a small frame flipped;
 * versions, flags and kinds of later releases.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import { encodeText } from '../../../src/base/text.ts';
import { splitBatch } from '../../../src/broker/split/split.ts';
import { LineParser } from '../../../src/lineprotocol/lineprotocol.ts';
import { type FieldType, fieldTypes } from '../../../src/model/field-type.ts';
import { openFrame, openPointsFrame } from '../../../src/model/frame-decode.ts';
import {
  encodeDeleteFrame,
  encodePointsFrame,
  type FrameColumnInput,
  type FrameSeriesInput,
  sealFrame,
} from '../../../src/model/frame-encode.ts';
import { encodeSeriesKey } from '../../../src/model/series-key.ts';
import { allTime, maxTime, minTime } from '../../../src/model/time.ts';

const target = { dbId: '00000000000000a1', rpId: 'ffffffffffffff02', shardCount: 16, shard: 5 };

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

function valuesOf(type: FieldType, count: number): fc.Arbitrary<FrameColumnInput['values']> {
  const exactly = { minLength: count, maxLength: count };
  switch (type) {
    case 'float':
      return fc.array(fc.double(), exactly).map((all) => Float64Array.from(all));
    case 'integer':
      return fc.array(int64, exactly).map((all) => BigInt64Array.from(all));
    case 'unsigned':
      return fc.array(uint64, exactly).map((all) => BigUint64Array.from(all));
    case 'boolean':
      return fc.array(fc.nat(1), exactly).map((all) => Uint8Array.from(all));
    case 'string':
      return fc.array(fc.string({ unit: 'grapheme' }), exactly);
  }
}

function columnOf(name: string, count: number): fc.Arbitrary<FrameColumnInput> {
  return fc.constantFrom(...fieldTypes).chain((type) =>
    fc.record({
      name: fc.constant(name),
      type: fc.constant(type),
      values: valuesOf(type, count),
      valid: fc.option(
        fc
          .array(fc.nat(1), { minLength: count, maxLength: count })
          .map((all) => Uint8Array.from(all)),
        { nil: undefined },
      ),
    }),
  );
}

const seriesOf = (host: number): fc.Arbitrary<FrameSeriesInput> =>
  fc
    .uniqueArray(fc.bigInt({ min: minTime, max: maxTime }), { minLength: 1, maxLength: 6 })
    .chain((times) =>
      fc.record({
        key: fc.constant(encodeSeriesKey({ measurement: 'm', tags: [['h', `${host}`]] })),
        times: fc.constant(BigInt64Array.from(times.sort((a, b) => (a < b ? -1 : 1)))),
        columns: fc
          .uniqueArray(fc.string({ maxLength: 5 }), { maxLength: 4 })
          .chain((names) => fc.tuple(...names.map((name) => columnOf(name, times.length)))),
      }),
    );

function readCells(column: ReturnType<ReturnType<typeof openPointsFrame>['column']>, rows: number) {
  return Array.from({ length: rows }, (_, row) => {
    if (column.valid !== undefined && column.valid[row] === 0) return undefined;
    if (column.type !== 'string') return column.values[row];
    return Buffer.from(
      column.bytes.subarray(column.starts[row]!, column.starts[row + 1]!),
    ).toString();
  });
}

function expectedCells({ values, valid }: FrameColumnInput): unknown[] {
  return Array.from(values as readonly unknown[], (value, row) =>
    valid !== undefined && valid[row] === 0 ? undefined : value,
  );
}

test('what goes into a frame comes out', async () => {
  const frames = fc
    .nat(4)
    .chain((n) => fc.tuple(...Array.from({ length: n + 1 }, (_, i) => seriesOf(i))));
  await fc.assert(
    fc.property(frames, (series) => {
      const frame = openPointsFrame(encodePointsFrame(target, series));
      expect(frame.header).toMatchObject({ ...target, kind: 'points', seriesCount: series.length });
      series.forEach((input, s) => {
        expect(frame.key(s)).toEqual(input.key);
        expect(frame.times(s)).toEqual(input.times);
        expect(frame.columnCount(s)).toBe(input.columns.length);
        input.columns.forEach((column, c) => {
          const key = frame.columnKeys[frame.columnKeyIndex(s, c)]!;
          expect([key.name, key.type]).toEqual([column.name, column.type]);
          expect(readCells(frame.column(s, c), input.times.length)).toEqual(expectedCells(column));
        });
      });
      const all = series.flatMap(({ times }) => [...times]);
      expect(frame.header.minTime).toBe(all.reduce((a, b) => (a < b ? a : b)));
      expect(frame.header.maxTime).toBe(all.reduce((a, b) => (a > b ? a : b)));
    }),
  );
});

const small = encodePointsFrame(target, [
  {
    key: encodeSeriesKey({ measurement: 'cpu', tags: [['host', 'a']] }),
    times: BigInt64Array.of(-1n, 7n),
    columns: [
      { name: 'v', type: 'float', values: Float64Array.of(0.5, -0), valid: Uint8Array.of(1, 0) },
      { name: 'ok', type: 'boolean', values: Uint8Array.of(1, 0) },
      { name: 's', type: 'string', values: ['x', 'yz'] },
    ],
  },
]);

/** Of version 2: integers of one, two and four bytes. */
const narrow = ((): Uint8Array => {
  const text = 'cpu,host=a x=1i,y=-300i,z=70000i 1\ncpu,host=a x=-2i,y=5i,z=6i 2\n';
  const options = { database: 'db', precision: 'ns', nowNs: 0n } as const;
  const slice = new LineParser().parse(encodeText(text), options);
  const accepts = new Uint8Array(slice.fields.length).fill(1);
  return splitBatch(slice, { ...target, shardCount: 1, accepts }).frames[0]!.frame;
})();

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof CitadelError) return error.code;
    throw error;
  }
  return 'none';
}

test.each([
  ['of version 1', small],
  ['of version 2', narrow],
])('every flipped byte is noticed in a frame %s', (_, whole) => {
  for (let at = 0; at < whole.length; at++) {
    const copy = whole.slice();
    copy[at]! ^= 0x10;
    expect(
      codeOf(() => openFrame(copy)),
      `byte ${at}`,
    ).toMatch(/^(corrupt|unsupported-version)$/);
  }
});

test.each([
  ['of version 1', small],
  ['of version 2', narrow],
])('a frame %s that lies but has a right checksum never leads outside', (_, whole) => {
  for (let at = 12; at < whole.length; at++) {
    for (const value of [0, 1, 2, 6, 0x7f, 0xff]) {
      const copy = whole.slice();
      copy[at] = value;
      sealFrame(copy);
      const code = codeOf(() => {
        const frame = openFrame(copy);
        if (frame.kind !== 'points') return;
        for (let c = 0; c < frame.points.columnCount(0); c++) frame.points.column(0, c);
      });
      expect(code, `byte ${at} = ${value}`).toMatch(/^(none|corrupt|unsupported-version)$/);
    }
  }
});

test('a cut or padded frame is corrupt', () => {
  for (let size = 0; size < small.length; size++) {
    expect(codeOf(() => openFrame(small.slice(0, size)))).toBe('corrupt');
  }
  const longer = new Uint8Array(small.length + 8);
  longer.set(small);
  expect(codeOf(() => openFrame(longer))).toBe('corrupt');
});

test('frames of later releases are refused by name', () => {
  const changed = (at: number, value: number): Uint8Array => {
    const copy = small.slice();
    copy[at] = value;
    sealFrame(copy);
    return copy;
  };
  expect(() => openFrame(changed(4, 3))).toThrow(/frame version 3.*reads up to version 2/);
  expect(codeOf(() => openFrame(changed(4, 0)))).toBe('unsupported-version');
  expect(() => openFrame(changed(6, 1))).toThrow(/compressed frames/);
  expect(() => openFrame(changed(6, 2))).toThrow(/encrypted frames/);
  expect(codeOf(() => openFrame(changed(6, 4)))).toBe('unsupported-version');
  expect(codeOf(() => openFrame(changed(44, 4)))).toBe('unsupported-version');
});

test('narrow integers are of version 2 and of integer columns only', () => {
  const changed = (from: Uint8Array, at: number, value: number): Uint8Array => {
    const copy = from.slice();
    copy[at] = value;
    sealFrame(copy);
    return copy;
  };
  const frame = openPointsFrame(narrow);
  expect([0, 1, 2].map((c) => frame.narrowIntegers(0, c))).toEqual([
    Int8Array.of(1, -2),
    Int16Array.of(-300, 5),
    Int32Array.of(70000, 6),
  ]);
  expect(codeOf(() => openFrame(changed(narrow, 4, 1)))).toBe('corrupt');
  // The flags of the first column, of floats.
  const flagsAt = openPointsFrame(small).timesOffset(0) + 2 * 8 + 4;
  expect(small[flagsAt]).toBe(1);
  expect(codeOf(() => openFrame(changed(changed(small, 4, 2), flagsAt, 3)))).toBe('corrupt');
});

test('a frame at an odd place in a buffer is read all the same', () => {
  const buffer = new Uint8Array(small.length + 3);
  buffer.set(small, 3);
  expect(openPointsFrame(buffer.subarray(3)).times(0)).toEqual(BigInt64Array.of(-1n, 7n));
});

test('a delete carries its predicate', () => {
  const predicate = {
    rpId: undefined,
    measurements: ['cpu', 'caf\u00e9', '\udc80'],
    where: {
      kind: 'binary',
      op: 'and',
      left: {
        kind: 'binary',
        op: '=',
        left: { kind: 'tag', name: 'host' },
        right: { kind: 'string', value: 'a' },
      },
      right: {
        kind: 'binary',
        op: '!~',
        left: { kind: 'measurement' },
        right: { kind: 'regex', pattern: '^x' },
      },
    },
    range: { min: 5n, max: allTime.max },
  } as const;
  const frame = openFrame(encodeDeleteFrame(target, predicate));
  if (frame.kind !== 'delete') throw new Error('not a delete');
  expect(frame.delete.predicate).toEqual(predicate);
  expect(frame.delete.header).toMatchObject({ rpId: '0000000000000000', minTime: 5n, shard: 5 });
  expect(codeOf(() => openPointsFrame(encodeDeleteFrame(target, predicate)))).toBe('corrupt');
});

test('a delete over fields is refused before it is written', () => {
  const where = { kind: 'field', name: 'v', type: 'float' } as const;
  const predicate = { rpId: undefined, measurements: undefined, where, range: allTime };
  expect(codeOf(() => encodeDeleteFrame(target, predicate))).toBe('invalid-argument');
});
