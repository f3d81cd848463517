/**
 * Goal: a float read from a line is the double that strtod gives, an integer its exact 64 bits.
 * Method: shortest and long texts of random doubles, halfway cases and random digits, against Number and BigInt, both exact.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineParser } from '../../../src/lineprotocol/lineprotocol.ts';
import { splitTime } from '../../../src/lineprotocol/time-words.ts';

const parser = new LineParser();

function readValues(texts: readonly string[]) {
  const body = Buffer.from(texts.map((text) => `m v=${text} 1\n`).join(''));
  const slice = parser.parse(body, { database: 'db', precision: 'ns', nowNs: 0n });
  expect(slice.errors).toEqual([]);
  return slice;
}

function expectFloats(texts: readonly string[]): void {
  const { cellFloats, rowCount } = readValues(texts);
  expect(rowCount).toBe(texts.length);
  for (const [i, text] of texts.entries()) expect(cellFloats[i], text).toBe(Number(text));
}

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 30 });

test('floats are exact', async () => {
  const text = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc
      .double({ noNaN: true, noDefaultInfinity: true, min: -1e21, max: 1e21 })
      .map((n) => n.toFixed(17)),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n.toExponential(20)),
    fc.tuple(digits, digits).map(([a, b]) => `${a}.${b}`),
    fc.tuple(digits, fc.integer({ min: -30, max: 30 })).map(([a, e]) => `-${a}e${e}`),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 60n }).map(String),
    digits.map((all) => `.${all}`),
    digits.map((all) => `${all}.`),
  );
  await fc.assert(fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), expectFloats), {
    numRuns: 500,
  });
});

test('minus zero stays', () => {
  expectFloats(['-0', '-0.0', '-.0', '-0e5', '0']);
});

test('integers keep all 64 bits', async () => {
  const value = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.integer({ min: 1, max: 63 }).chain((bits) => {
      const power = 2n ** BigInt(bits);
      return fc
        .bigInt({ min: -2n, max: 2n })
        .map((n) => (power + n > 2n ** 63n - 1n ? -power : power + n));
    }),
    fc.integer({ min: 0, max: 18 }).map((n) => 10n ** BigInt(n)),
  );
  await fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), fc.nat(3), (values, zeros) => {
      const pad = '0'.repeat(zeros);
      const texts = values.map((n) => (n < 0n ? `-${pad}${-n}i` : `${pad}${n}i`));
      const { cellFloats } = readValues(texts);
      const read = new BigInt64Array(cellFloats.buffer, 0, values.length);
      expect([...read]).toEqual(values);
    }),
    { numRuns: 500 },
  );
});

test('times are split into words exactly', async () => {
  const seconds = fc.oneof(fc.nat(), fc.bigInt({ min: 0n, max: 9_223_372_036n }).map(Number));
  await fc.assert(
    fc.property(fc.boolean(), seconds, fc.nat(854_775_806), (negative, whole, nanos) => {
      const out = { low: 0, high: 0 };
      splitTime(negative, whole, nanos, out);
      const magnitude = BigInt(whole) * 1_000_000_000n + BigInt(nanos);
      const read = (BigInt(out.high) << 32n) | BigInt(out.low >>> 0);
      expect(BigInt.asIntN(64, read)).toBe(negative ? -magnitude : magnitude);
    }),
    { numRuns: 2_000 },
  );
});
