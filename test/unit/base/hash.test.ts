/** Published vectors of XXH32 and XXH64 (seed 0), so that a change of library cannot change them unseen. */

import { expect, test } from 'vitest';
import { hash32, hash64Hex, hash64Into, hash64Signed } from '../../../src/base/hash.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

test('published vectors', () => {
  expect(hash32(bytes(''))).toBe(0x02cc5d05);
  expect(hash32(bytes('abc'))).toBe(0x32d153ff);
  expect(hash64Hex(bytes(''))).toBe('ef46db3751d8e999');
  expect(hash64Hex(bytes('abc'))).toBe('44bc2cf5ad770999');
});

test('the forms of the 64-bit hash agree', () => {
  const out = new Uint32Array(3);
  hash64Into(bytes('citadel'), out, 1);
  const hex = hash64Hex(bytes('citadel'));
  expect(out[2]!.toString(16).padStart(8, '0') + out[1]!.toString(16).padStart(8, '0')).toBe(hex);
  expect(BigInt.asUintN(64, hash64Signed(bytes('citadel')))).toBe(BigInt(`0x${hex}`));
});
