/**
 * Hashes: XXH32 and XXH64, seed 0, through WebAssembly loaded once at start.
 *
 * Both are stored and sent (shard of a series, key digests): never change their meaning.
 */

import xxhash from 'xxhash-wasm';

const { h32Raw, h64Raw } = await xxhash();
const word64 = new BigUint64Array(1);
const words = new Uint32Array(word64.buffer);

/** XXH32, seed 0, as an unsigned 32-bit number. */
export function hash32(bytes: Uint8Array): number {
  return h32Raw(bytes, 0);
}

/** XXH64, seed 0: writes the low word to `out[at]` and the high word to `out[at + 1]`. */
export function hash64Into(bytes: Uint8Array, out: Uint32Array, at = 0): void {
  word64[0] = h64Raw(bytes, 0n);
  out[at] = words[0]!;
  out[at + 1] = words[1]!;
}

/** XXH64, seed 0, as 16 hex digits, most significant first. */
export function hash64Hex(bytes: Uint8Array): string {
  return h64Raw(bytes, 0n).toString(16).padStart(16, '0');
}

/** XXH64, seed 0, as a signed 64-bit integer, the way SQLite stores it. */
export function hash64Signed(bytes: Uint8Array): bigint {
  return BigInt.asIntN(64, h64Raw(bytes, 0n));
}
