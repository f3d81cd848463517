/**
 * Which shard a series lives in: the top bits of XXH32, seed 0, over
 * `u16le size of database name | database name | canonical series key`.
 *
 * This is for ever: every node, frame and snapshot relies on it, and test/golden/shard-hash.json holds
 * it. The shard count is a power of two, so that doubling it splits each shard in two.
 */

import { CitadelError, invariant } from '../base/errors.ts';
import { hash32 } from '../base/hash.ts';
import { encodeText } from '../base/text.ts';
import { copyBytes } from './key-list.ts';

export const shardCountMax = 65_536;
/** Sizes of keys whose views are kept. */
const viewsMax = 256;

/** Computes hashes for the series of one database; keeps one scratch buffer. */
export class ShardHasher {
  private readonly prefixSize: number;
  private scratch: Uint8Array;
  /** Of the scratch buffer, by the size of the key: making a view costs more than hashing a short key. */
  private views: (Uint8Array | undefined)[] = [];

  /** Errors: `invalid-argument` for a name above 65535 bytes. */
  constructor(database: string) {
    const name = encodeText(database);
    if (name.length > 0xffff) throw new CitadelError('invalid-argument', 'database name too long');
    this.prefixSize = 2 + name.length;
    this.scratch = new Uint8Array(this.prefixSize + 512);
    this.scratch[0] = name.length & 0xff;
    this.scratch[1] = name.length >> 8;
    this.scratch.set(name, 2);
  }

  /** Unsigned 32 bits. */
  hash(seriesKey: Uint8Array): number {
    return this.hashAt(seriesKey, 0, seriesKey.length);
  }

  /** Of the key `bytes[from, from + size)`. */
  hashAt(bytes: Uint8Array, from: number, size: number): number {
    const whole = this.prefixSize + size;
    if (whole > this.scratch.length) {
      const grown = new Uint8Array(whole * 2);
      grown.set(this.scratch.subarray(0, this.prefixSize));
      this.scratch = grown;
      this.views = [];
    }
    copyBytes(bytes, from, size, this.scratch, this.prefixSize);
    return hash32(this.viewOf(size));
  }

  private viewOf(size: number): Uint8Array {
    if (size >= viewsMax) return this.scratch.subarray(0, this.prefixSize + size);
    const known = this.views[size];
    if (known !== undefined) return known;
    const view = this.scratch.subarray(0, this.prefixSize + size);
    this.views[size] = view;
    return view;
  }
}

export function isShardCount(count: number): boolean {
  return (
    Number.isInteger(count) && count >= 1 && count <= shardCountMax && (count & (count - 1)) === 0
  );
}

/** `shardCount` must be a power of two. */
export function shardOfHash(hash: number, shardCount: number): number {
  invariant(isShardCount(shardCount), 'shard count is a power of two');
  // A shift by 32 is a shift by 0 in JavaScript, hence the case of one shard.
  return shardCount === 1 ? 0 : hash >>> (32 - Math.log2(shardCount));
}

/** For one key; loops make a `ShardHasher`. */
export function shardHash(database: string, seriesKey: Uint8Array): number {
  return new ShardHasher(database).hash(seriesKey);
}
