/** Goal: the checksum of rows is zlib's CRC-32 for every stretch that is not empty, also one that goes on from another. */

import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checksum } from '../../../src/kstore/file/checksum.ts';

test('the same as zlib', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 500 }),
      fc.nat(60),
      fc.integer({ min: 1, max: 500 }),
      fc.nat(0xffffffff),
      (bytes, from, size, before) => {
        const start = Math.min(from, bytes.length - 1);
        const until = Math.min(start + size, bytes.length);
        const expected = crc32(bytes.subarray(start, until), before);
        expect(checksum(bytes, start, until, before)).toBe(expected);
      },
    ),
  );
});
