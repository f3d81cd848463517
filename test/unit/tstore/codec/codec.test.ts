/**
 * Goal: every codec gives back every bit pattern of its type, and damage never becomes an endless
 * loop or a crash that is not `corrupt`.
 * Method: columns from generators that favour nasty values and the shapes each codec is made for.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { decodeText } from '../../../../src/base/text.ts';
import type { Column } from '../../../../src/model/column.ts';
import { ByteReader } from '../../../../src/tstore/codec/byte-reader.ts';
import { ByteWriter } from '../../../../src/tstore/codec/byte-writer.ts';
import { decodeValues, encodeValues } from '../../../../src/tstore/codec/codec.ts';
import { codecId } from '../../../../src/tstore/codec/codec-id.ts';

function countOf(column: Column): number {
  return column.type === 'string' ? column.codes.length : column.values.length;
}

function roundTrip(column: Column): { decoded: Column; codec: number; size: number } {
  const writer = new ByteWriter(8);
  writer.byte(7);
  const codec = encodeValues(writer, column);
  const bytes = writer.finish();
  const reader = new ByteReader(bytes, 1, bytes.length);
  const decoded = decodeValues(reader, column.type, codec, countOf(column));
  return { decoded, codec, size: bytes.length - 1 };
}

function bitsOf(values: Float64Array): bigint[] {
  return Array.from(new BigUint64Array(values.buffer, values.byteOffset, values.length));
}

function floatOfBits(bits: bigint): number {
  return new Float64Array(BigUint64Array.of(bits).buffer)[0]!;
}

function floats(values: readonly number[] | Float64Array): Column {
  return { type: 'float', values: Float64Array.from(values), valid: undefined };
}

function expectFloats(column: Column, expected: Float64Array): void {
  expect(column.type).toBe('float');
  if (column.type === 'float') expect(bitsOf(column.values)).toEqual(bitsOf(expected));
}

const nastyBits: readonly bigint[] = [
  0n,
  1n,
  0x8000000000000000n,
  0x8000000000000001n,
  0x000fffffffffffffn,
  0x0010000000000000n,
  0x7fefffffffffffffn,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7ff8000000000000n,
  0x7ff8000000000001n,
  0xfff8dead0000beefn,
  0x7ff0000000000001n,
  0xffffffffffffffffn,
];

const lengths = [1, 2, 3, 31, 127, 128, 129, 130, 256, 257, 1000];
const size = fc.constantFrom(...lengths);

/** A column of `size` values made by a mix of shapes, so that blocks of one column differ. */
function shaped<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return size.chain((length) =>
    fc.oneof(
      fc.array(value, { minLength: length, maxLength: length }),
      fc
        .array(fc.tuple(value, fc.integer({ min: 1, max: 200 })), { minLength: 1, maxLength: 40 })
        .map((runs) => runs.flatMap(([v, n]) => Array<T>(n).fill(v)).slice(0, 1000)),
    ),
  );
}

test('floats of any bit pattern come back bit by bit', async () => {
  const word = fc.oneof(
    fc.constantFrom(...nastyBits),
    fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
    fc.double({ noNaN: true }).map((v) => BigUint64Array.from(bitsOf(Float64Array.of(v)))[0]!),
  );
  await fc.assert(
    fc.property(shaped(word), (words) => {
      const values = new Float64Array(BigUint64Array.from(words).buffer);
      const { decoded, size: bytes } = roundTrip({ type: 'float', values, valid: undefined });
      expectFloats(decoded, values);
      expect(bytes).toBeLessThanOrEqual(8 * values.length);
    }),
  );
});

test('decimal floats come back bit by bit, misfits among them', async () => {
  const decimal = fc
    .tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 0, max: 15 }))
    .map(([n, e]) => Number(`${n}e-${e}`));
  const misfit = fc.constantFrom(...nastyBits).map(floatOfBits);
  const value = fc.oneof({ weight: 30, arbitrary: decimal }, { weight: 1, arbitrary: misfit });
  await fc.assert(
    fc.property(shaped(value), (numbers) => {
      const values = Float64Array.from(numbers);
      const { decoded } = roundTrip(floats(values));
      expectFloats(decoded, values);
    }),
  );
});

test('minus zero survives beside decimals', () => {
  const values = Float64Array.from({ length: 300 }, (_, i) => (i === 150 ? -0 : i / 4));
  const { decoded, codec } = roundTrip(floats(values));
  expect(codec).toBe(codecId.floatDecimal);
  expectFloats(decoded, values);
});

function integersOf(column: Column): bigint[] {
  if (column.type !== 'integer' && column.type !== 'unsigned') throw new Error('not integers');
  return Array.from(column.values as ArrayLike<number | bigint>, (v) => BigInt(v));
}

const int64 = fc.oneof(
  fc.constantFrom(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n), 2n ** 32n),
  fc.constantFrom(
    2n ** 53n - 1n,
    -(2n ** 53n) + 1n,
    2n ** 31n,
    -(2n ** 31n),
    2n ** 51n,
    0xffffffffn,
  ),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);

test('64-bit integers come back, as doubles exactly when all are safe', async () => {
  const values = fc.oneof(
    shaped(int64),
    shaped(fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n })),
    shaped(fc.integer().map(BigInt)),
  );
  await fc.assert(
    fc.property(values, (list) => {
      const column: Column = {
        type: 'integer',
        values: BigInt64Array.from(list),
        valid: undefined,
      };
      const { decoded } = roundTrip(column);
      expect(integersOf(decoded)).toEqual(list);
      const safe = list.every((v) => BigInt(Number(v)) === v && Number.isSafeInteger(Number(v)));
      expect(decoded.type === 'integer' && decoded.values instanceof Float64Array).toBe(safe);
    }),
  );
});

test('unsigned integers come back', async () => {
  const uint64 = fc.oneof(
    fc.constantFrom(0n, 1n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 53n - 1n, 2n ** 53n),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  );
  await fc.assert(
    fc.property(shaped(uint64), (list) => {
      const column: Column = {
        type: 'unsigned',
        values: BigUint64Array.from(list),
        valid: undefined,
      };
      expect(integersOf(roundTrip(column).decoded)).toEqual(list);
    }),
  );
});

test('safe integers given as doubles come back, over their whole range', async () => {
  const safe = fc.oneof(
    fc.constantFrom(0, 1, -1, 2 ** 53 - 1, 1 - 2 ** 53, 2 ** 32, 2 ** 31, -(2 ** 31), 2 ** 51),
    fc.maxSafeInteger(),
    fc.integer({ min: -5, max: 5 }),
  );
  const width = fc
    .integer({ min: 0, max: 53 })
    .chain((bits) => shaped(fc.maxSafeInteger().map((v) => Math.trunc(v / 2 ** (53 - bits)) + 0)));
  const sums = shaped(fc.integer({ min: -1000, max: 1000 })).map((steps) => {
    let sum = 0;
    return steps.map((step) => (sum += step));
  });
  await fc.assert(
    fc.property(fc.oneof(shaped(safe), width, sums), (list) => {
      const column: Column = {
        type: 'integer',
        values: Float64Array.from(list),
        valid: undefined,
      };
      const { decoded } = roundTrip(column);
      expect(decoded.type === 'integer' && decoded.values).toEqual(Float64Array.from(list));
    }),
  );
});

test.each([
  ['a constant', () => 42, codecId.integerRuns, 4],
  ['long runs', (i: number) => Math.floor(i / 500) * 77, codecId.integerRuns, 50],
  ['a counter', (i: number) => 1e12 + i * 1000 + (i % 7), codecId.integerDelta, 1000 * 0.6],
  ['a steady counter', (i: number) => 5 + i * 1000, codecId.integerDelta, 30],
  ['a parabola', (i: number) => i * i, codecId.integerDelta2, 30],
  ['noise', (i: number) => (i * 7919) % 251, codecId.integerPlain, 1000 * 1.05],
])('%s takes its own codec and few bytes', (_, make, codec, sizeMax) => {
  const values = Float64Array.from({ length: 1000 }, (_, i) => make(i));
  const result = roundTrip({ type: 'integer', values, valid: undefined });
  expect(result.codec).toBe(codec);
  expect(result.size).toBeLessThanOrEqual(sizeMax);
});

test('booleans come back', async () => {
  await fc.assert(
    fc.property(shaped(fc.constantFrom(0, 1)), (list) => {
      const values = Uint8Array.from(list);
      const { decoded } = roundTrip({ type: 'boolean', values, valid: undefined });
      expect(decoded).toEqual({ type: 'boolean', values, valid: undefined });
    }),
  );
});

test('strings come back, with few or many distinct ones', async () => {
  const text = fc.oneof(
    fc.constantFrom('', 'a', 'ok', 'ÿ', '日本', '😀', '\u0000', '\ufeff', 'x'.repeat(300)),
    fc.uint8Array({ maxLength: 40 }).map(decodeText),
    fc.string({ maxLength: 40 }),
  );
  await fc.assert(
    fc.property(shaped(text), (list) => {
      const dictionary = [...list, 'unused'];
      const codes = Uint32Array.from(list, (_, i) => i);
      const { decoded } = roundTrip({ type: 'string', codes, dictionary, valid: undefined });
      if (decoded.type !== 'string') throw new Error('not strings');
      expect(Array.from(decoded.codes, (code) => decoded.dictionary[code])).toEqual(list);
    }),
  );
});

test('few distinct strings share a dictionary', () => {
  const dictionary = ['running', 'stopped', 'unused'];
  const codes = Uint32Array.from({ length: 1000 }, (_, i) => (i * 7919) % 2);
  const { decoded, size: bytes } = roundTrip({
    type: 'string',
    codes,
    dictionary,
    valid: undefined,
  });
  expect(decoded.type === 'string' && decoded.dictionary).toEqual(['running', 'stopped']);
  expect(bytes).toBeLessThan(170);
});

test('damaged bytes end in corrupt, or in some column, never in anything else', async () => {
  const column = fc.oneof(
    shaped(fc.double()).map((v) => floats(v)),
    shaped(fc.integer()).map((v) => floats(v)),
    shaped(int64).map(
      (v): Column => ({ type: 'integer', values: BigInt64Array.from(v), valid: undefined }),
    ),
    shaped(fc.string({ maxLength: 30 })).map(
      (v): Column => ({
        type: 'string',
        codes: Uint32Array.from(v, (_, i) => i),
        dictionary: v,
        valid: undefined,
      }),
    ),
  );
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.property(column, damage, fc.nat(), (original, flips, cut) => {
      const writer = new ByteWriter();
      const codec = encodeValues(writer, original);
      const bytes = writer.finish();
      for (const [at, value] of flips) bytes[at % bytes.length] = value;
      const until = cut % 3 === 0 ? cut % (bytes.length + 1) : bytes.length;
      const reader = new ByteReader(bytes, 0, until);
      try {
        decodeValues(reader, original.type, codec, countOf(original));
      } catch (error) {
        expect(error).toBeInstanceOf(CitadelError);
      }
    }),
    { numRuns: 500 },
  );
});

test('a codec of another type is refused', () => {
  const writer = new ByteWriter();
  encodeValues(writer, floats([1.5, 2.5]));
  const reader = new ByteReader(writer.finish());
  expect(() => decodeValues(reader, 'boolean', codecId.floatDecimal, 2)).toThrow(/does not belong/);
});
