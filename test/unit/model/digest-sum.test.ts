/** Goal: digests add up lane by lane, in any order, and nothing carries from one lane into the other. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sumDigests } from '../../../src/model/digest-sum.ts';

const none = '0'.repeat(32);

test('a sum of none and of one', () => {
  const one = 'ffffffffffffffff0000000000000001';
  expect(sumDigests([])).toBe(none);
  expect(sumDigests([one])).toBe(one);
});

test('lanes wrap by themselves', () => {
  expect(sumDigests(['0000000000000000ffffffffffffffff', `${'0'.repeat(31)}2`])).toBe(
    `${'0'.repeat(31)}1`,
  );
  expect(
    sumDigests([`ffffffffffffffff${'0'.repeat(16)}`, `0000000000000001${'0'.repeat(16)}`]),
  ).toBe(none);
});

test('order and grouping do not count', async () => {
  const lane = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const digest = fc
    .tuple(lane, lane)
    .map((lanes) => lanes.map((value) => value.toString(16).padStart(16, '0')).join(''));
  await fc.assert(
    fc.property(fc.array(digest), fc.nat(), (digests, cut) => {
      const at = cut % (digests.length + 1);
      const parts = [sumDigests(digests.slice(at)), sumDigests(digests.slice(0, at))];
      expect(sumDigests(parts)).toBe(sumDigests(digests));
    }),
  );
});
