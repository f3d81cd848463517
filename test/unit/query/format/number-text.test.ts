/**
 * Goal: numbers print as Go prints them, which is JavaScript's text but for minus zero.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter } from '../../../../src/query/format/byte-writer.ts';
import {
  writeFloat,
  writeInteger,
  writeInteger64,
} from '../../../../src/query/format/number-text.ts';

function textOf(write: (out: ByteWriter) => void): string {
  const out = new ByteWriter(1);
  write(out);
  return Buffer.from(out.take()).toString();
}

function expectedFloat(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

test('any finite float', async () => {
  await fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(textOf((out) => writeFloat(out, value))).toBe(expectedFloat(value));
    }),
    { numRuns: 2_000 },
  );
});

test('floats of few decimals, the usual ones', async () => {
  const decimal = fc
    .tuple(fc.integer({ min: -1e12, max: 1e12 }), fc.integer({ min: 0, max: 8 }))
    .map(([digits, places]) => Number(`${digits}e-${places}`));
  await fc.assert(
    fc.property(decimal, (value) => {
      expect(textOf((out) => writeFloat(out, value))).toBe(expectedFloat(value));
    }),
    { numRuns: 5_000 },
  );
});

test('the edges of the exponent form', () => {
  for (const value of [1e21, 1e20, 1e-6, 1e-7, 1.5e300, 5e-324, 123456789012345680000, 0.1, -0]) {
    expect(textOf((out) => writeFloat(out, value))).toBe(expectedFloat(value));
  }
});

test('any safe integer', async () => {
  await fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      expect(textOf((out) => writeInteger(out, value))).toBe(String(value));
    }),
    { numRuns: 2_000 },
  );
  for (const value of [0, 9, 10, 999_999_999, 1e9, Number.MAX_SAFE_INTEGER]) {
    expect(textOf((out) => writeInteger(out, value))).toBe(String(value));
  }
});

test('any 64-bit integer, by halves', async () => {
  await fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (value) => {
      const low = Number(BigInt.asUintN(32, value));
      const high = Number(value >> 32n);
      expect(textOf((out) => writeInteger64(out, low, high))).toBe(String(value));
    }),
    { numRuns: 2_000 },
  );
});
