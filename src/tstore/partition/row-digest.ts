/**
 * Digest of the rows of a table: independent of their order, changed by one addition or removal. Kept
 * in the file's meta row, so that a row that SQLite lost, or brought back, is noticed.
 */

import { crc32 } from 'node:zlib';

export interface Digest {
  readonly count: number;
  readonly xor: number;
  /** Sum of all checksums modulo 2^48. */
  readonly sum: number;
}

export const emptyDigest: Digest = { count: 0, xor: 0, sum: 0 };

const sumModulus = 2 ** 48;
const keyBytes = new Uint8Array(8);
const keyView = new DataView(keyBytes.buffer);

/** Checksum of a row: over the number of its table, its key and its contents. */
export function rowSum(table: number, key: number, contents: Uint8Array): number {
  keyView.setUint32(0, key % 4294967296, true);
  keyView.setUint32(4, Math.floor(key / 4294967296), true);
  return crc32(contents, crc32(keyBytes, table));
}

export function addToDigest(digest: Digest, sum: number): Digest {
  return {
    count: digest.count + 1,
    xor: (digest.xor ^ sum) >>> 0,
    sum: (digest.sum + sum) % sumModulus,
  };
}

export function removeFromDigest(digest: Digest, sum: number): Digest {
  return {
    count: digest.count - 1,
    xor: (digest.xor ^ sum) >>> 0,
    sum: (digest.sum - sum + sumModulus) % sumModulus,
  };
}

export function equalDigests(a: Digest, b: Digest): boolean {
  return a.count === b.count && a.xor === b.xor && a.sum === b.sum;
}
