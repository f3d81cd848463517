/**
 * Goal: ranges by prefix hold exactly the keys that begin with it. Method: random keys against startsWith.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes } from '../../../../src/base/bytes.ts';
import { keyAfter, narrow, prefixEnd } from '../../../../src/broker/kv/kv-range.ts';

const bytes = fc
  .array(fc.constantFrom(0, 1, 0x61, 0xfe, 0xff), { maxLength: 4 })
  .map((list) => Uint8Array.from(list));

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  return compareBytes(key.subarray(0, prefix.length), prefix) === 0;
}

test('a key is in the narrowed range if and only if it is in the range and begins with the prefix', async () => {
  await fc.assert(
    fc.property(
      bytes,
      bytes,
      fc.option(bytes, { nil: undefined }),
      bytes,
      (key, from, until, prefix) => {
        const isWanted =
          compareBytes(key, from) >= 0 &&
          (until === undefined || compareBytes(key, until) < 0) &&
          startsWith(key, prefix);
        const range = narrow({ from, until }, prefix);
        const isIn =
          range !== undefined &&
          compareBytes(key, range.from) >= 0 &&
          (range.until === undefined || compareBytes(key, range.until) < 0);
        expect(isIn).toBe(isWanted);
      },
    ),
    { numRuns: 2000 },
  );
});

test('nothing lies between a key and the one after it', async () => {
  await fc.assert(
    fc.property(bytes, bytes, (key, other) => {
      const after = keyAfter(key);
      expect(compareBytes(after, key)).toBeGreaterThan(0);
      expect(compareBytes(other, key) > 0).toBe(compareBytes(other, after) >= 0);
    }),
  );
});

test('a prefix of the greatest bytes has no end', () => {
  expect(prefixEnd(Uint8Array.of(0xff, 0xff))).toBeUndefined();
  expect(prefixEnd(new Uint8Array(0))).toBeUndefined();
  expect(prefixEnd(Uint8Array.of(1, 0xff))).toEqual(Uint8Array.of(2));
});
