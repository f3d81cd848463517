/** Times in two words: the same as 64-bit arithmetic. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { putTime, readTime } from '../../../src/model/time.ts';

const times = new BigInt64Array(2);
const words = new Uint32Array(times.buffer);

test('putTime is units times their length plus a rest', async () => {
  const ms = fc.tuple(
    fc.integer({ min: -9_223_372_036_854, max: 9_223_372_036_854 }),
    fc.constant(1_000_000),
  );
  const seconds = fc.tuple(
    fc.integer({ min: -9_223_372_036, max: 9_223_372_035 }),
    fc.constant(1_000_000_000),
  );
  await fc.assert(
    fc.property(
      fc.oneof(ms, seconds),
      fc.integer({ min: 0, max: 999_999 }),
      ([units, unitNs], rest) => {
        putTime(words, 1, units, unitNs, rest);
        expect(times[1]).toBe(BigInt.asIntN(64, BigInt(units) * BigInt(unitNs) + BigInt(rest)));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('readTime divides as 64-bit integers do, toward zero', async () => {
  const whole = fc
    .bigInt({ min: -9_223_372_036_854n, max: 9_223_372_036_854n })
    .map((ms) => ms * 1_000_000n);
  const any = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  await fc.assert(
    fc.property(fc.oneof(any, whole, fc.bigInt({ min: -5_000_000n, max: 5_000_000n })), (time) => {
      times[1] = time;
      expect(readTime(words, 1, 1_000_000) + 0).toBe(Number(time / 1_000_000n));
    }),
    { numRuns: 1_000 },
  );
});
