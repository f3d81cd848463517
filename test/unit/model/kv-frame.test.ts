/**
 * Goal: a frame of keys gives back exactly what was put in, and no damaged one is taken for a sound one or breaks
 * the reader. Method: random batches; flips, cuts and resealed changes of random bytes.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import { openFrame } from '../../../src/model/frame-decode.ts';
import { sealFrame } from '../../../src/model/frame-encode.ts';
import { deletedSize, KvFrameBuilder, openKvFrame } from '../../../src/model/kv-frame.ts';
import { kvKeySizeMax } from '../../../src/model/kv-limits.ts';
import { shardHash, shardOfHash } from '../../../src/model/shard-hash.ts';

const fixture = fileURLToPath(new URL('../../fixtures/formats/kv-frame-v1.bin', import.meta.url));
const golden = fileURLToPath(new URL('../../golden/kv-shard-hash.json', import.meta.url));

type Entry = readonly [key: Uint8Array, value: Uint8Array | undefined];

function encode(table: string, entries: readonly Entry[]): Uint8Array {
  const builder = new KvFrameBuilder({ table, shard: 3, shardCount: 16 }, 8);
  for (const [key, value] of entries) {
    if (value === undefined) builder.delete(key);
    else builder.put(key, value);
  }
  return builder.finish();
}

function decode(frame: Uint8Array, trusted = false): { table: string; entries: Entry[] } {
  const { table, bytes, entries, entryCount } = openKvFrame(frame, { trusted });
  const found = Array.from({ length: entryCount }, (_, i): Entry => {
    const [key, keySize, value, size] = entries.subarray(i * 4, i * 4 + 4) as unknown as number[];
    return [
      bytes.slice(key, key! + keySize!),
      size === deletedSize ? undefined : bytes.slice(value, value! + size!),
    ];
  });
  return { table, entries: found };
}

const entries = fc.array(
  fc.tuple(
    fc.uint8Array({ minLength: 1, maxLength: 20 }),
    fc.option(fc.uint8Array({ maxLength: 60 }), { nil: undefined }),
  ),
  { minLength: 1, maxLength: 20 },
);
const table = fc.string({ minLength: 1, maxLength: 20, unit: 'binary' });

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof CitadelError ? error.code : String(error);
  }
  return 'none';
}

test('what was put in comes out', async () => {
  await fc.assert(
    fc.property(table, entries, (name, some) => {
      const frame = encode(name, some);
      expect(decode(frame)).toEqual({ table: name, entries: some });
      expect(decode(frame, true)).toEqual({ table: name, entries: some });
    }),
  );
});

test('a frame of keys is none of points, and the other way round', () => {
  const frame = encode('t', [[Uint8Array.of(1), undefined]]);
  expect(codeOf(() => openFrame(frame))).toBe('corrupt');
});

test('every flip of a bit and every cut is noticed', async () => {
  await fc.assert(
    fc.property(entries, fc.nat(), fc.nat(7), (some, place, bit) => {
      const frame = encode('table', some);
      const flipped = frame.slice();
      const at = place % flipped.length;
      flipped[at]! ^= 1 << bit;
      expect(['corrupt', 'unsupported-version']).toContain(codeOf(() => openKvFrame(flipped)));
      expect(codeOf(() => openKvFrame(frame.slice(0, at)))).toBe('corrupt');
    }),
    { numRuns: 500 },
  );
});

test('words that point anywhere, sealed as if they were right, never reach outside of the frame', async () => {
  await fc.assert(
    fc.property(entries, fc.nat(), fc.integer(), (some, place, word) => {
      const frame = encode('table', some);
      const view = new DataView(frame.buffer);
      // Not magic, version, flags, size or checksum: those are their own tests.
      const words = frame.length / 4 - 4;
      view.setUint32((4 + (place % words)) * 4, word >>> 0, true);
      sealFrame(frame);
      const code = codeOf(() => {
        for (const [key, value] of decode(frame).entries) {
          expect(key.length).toBeGreaterThan(0);
          expect(key.length).toBeLessThanOrEqual(kvKeySizeMax);
          expect((value?.length ?? 0) <= frame.length).toBe(true);
        }
      });
      expect(['none', 'corrupt', 'unsupported-version']).toContain(code);
    }),
    { numRuns: 1000 },
  );
});

test('a frame of a later version, flag or kind names what is needed', () => {
  const change = (offset: number, value: number) => {
    const frame = encode('t', [[Uint8Array.of(1), Uint8Array.of(2)]]);
    new DataView(frame.buffer).setUint16(offset, value, true);
    sealFrame(frame);
    return codeOf(() => openKvFrame(frame));
  };
  expect(change(4, 2)).toBe('unsupported-version');
  expect(change(6, 1)).toBe('unsupported-version');
  expect(change(44, 99)).toBe('unsupported-version');
});

test('a kept frame still reads, and is made anew byte by byte', () => {
  const some: Entry[] = [
    [Uint8Array.of(0), new Uint8Array(0)],
    [Uint8Array.of(0xff, 0), Uint8Array.of(1, 2, 3)],
    [new TextEncoder().encode('schlüssel'), undefined],
  ];
  const kept = new Uint8Array(readFileSync(fixture));
  expect(decode(kept)).toEqual({ table: 'bücher', entries: some });
  expect(encode('bücher', some)).toEqual(kept);
});

test('the shard of a key is for ever', () => {
  const vectors = JSON.parse(readFileSync(golden, 'utf8')) as {
    table: string;
    key: string;
    hash: number;
    shardOf16: number;
  }[];
  expect(vectors.length).toBeGreaterThan(5);
  for (const { table: name, key, hash, shardOf16 } of vectors) {
    expect(shardHash(name, new Uint8Array(Buffer.from(key, 'base64')))).toBe(hash);
    expect(shardOfHash(hash, 16)).toBe(shardOf16);
  }
});
