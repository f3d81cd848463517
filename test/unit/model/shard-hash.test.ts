/**
 * Goal: the shard of a series never changes. Method: recorded vectors, checked against an independent
 * XXH32 written from its specification, and the rule for the top bits.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeText } from '../../../src/base/text.ts';
import { encodeSeriesKey } from '../../../src/model/series-key.ts';
import {
  isShardCount,
  ShardHasher,
  shardHash,
  shardOfHash,
} from '../../../src/model/shard-hash.ts';

interface Vector {
  readonly database: string;
  readonly measurement: string;
  readonly tags: readonly (readonly [string, string])[];
  /** 8 hex digits. */
  readonly hash: string;
  readonly shardOf16: number;
}

const file = fileURLToPath(new URL('../../golden/shard-hash.json', import.meta.url));
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[];

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** XXH32, seed 0, from its specification. */
function referenceHash(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [p1, p2, p3, p4, p5] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1];
  let at = 0;
  let hash = p5;
  if (bytes.length >= 16) {
    const lanes = [(p1 + p2) | 0, p2, 0, -p1 | 0];
    for (; at + 16 <= bytes.length; at += 16) {
      lanes.forEach((lane, i) => {
        const mixed = (lane + Math.imul(view.getUint32(at + i * 4, true), p2)) | 0;
        lanes[i] = Math.imul(rotate(mixed, 13), p1);
      });
    }
    hash = [1, 7, 12, 18].reduce((sum, bits, i) => (sum + rotate(lanes[i]!, bits)) | 0, 0);
  }
  hash = (hash + bytes.length) | 0;
  for (; at + 4 <= bytes.length; at += 4) {
    hash = (hash + Math.imul(view.getUint32(at, true), p3)) | 0;
    hash = Math.imul(rotate(hash, 17), p4);
  }
  for (; at < bytes.length; at++) {
    hash = Math.imul(rotate((hash + Math.imul(bytes[at]!, p5)) | 0, 11), p1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), p2);
  hash = Math.imul(hash ^ (hash >>> 13), p3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function hashedBytes(database: string, key: Uint8Array): Uint8Array {
  const name = encodeText(database);
  return Uint8Array.of(name.length & 0xff, name.length >> 8, ...name, ...key);
}

test('recorded vectors hold for ever', () => {
  expect(vectors.length).toBeGreaterThanOrEqual(12);
  for (const { database, measurement, tags, hash, shardOf16 } of vectors) {
    const value = shardHash(database, encodeSeriesKey({ measurement, tags }));
    expect(value.toString(16).padStart(8, '0')).toBe(hash);
    expect(shardOfHash(value, 16)).toBe(shardOf16);
  }
});

test('the hash is XXH32 over the length-prefixed database name and the key', async () => {
  const hasher = new ShardHasher('d\u00e9');
  await fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (key) => {
      expect(hasher.hash(key)).toBe(referenceHash(hashedBytes('d\u00e9', key)));
    }),
  );
});

test('doubling the shard count splits each shard in two', async () => {
  await fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.integer({ min: 0, max: 15 }), (hash, bits) => {
      const shard = shardOfHash(hash, 2 ** bits);
      expect(shard).toBeLessThan(2 ** bits);
      expect(Math.floor(shardOfHash(hash, 2 ** (bits + 1)) / 2)).toBe(shard);
    }),
  );
});

test('only powers of two are shard counts', () => {
  expect([1, 2, 16, 65_536].map(isShardCount)).toEqual([true, true, true, true]);
  expect([0, 3, -2, 1.5, 131_072].map(isShardCount)).toEqual([false, false, false, false, false]);
});
