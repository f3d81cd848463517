/** Snappy blocks: what a packer makes is unpacked again, and what is broken is refused, never shortened. */

import fc from 'fast-check';
import { compress, uncompress } from 'snappyjs';
import { expect, test } from 'vitest';
import {
  blockHead,
  packFragment,
  readBlockHead,
  unpackBlock,
} from '../../../../src/http/prom/snappy-block.ts';

function unpack(block: Uint8Array): Buffer {
  return Buffer.from(unpackBlock(block, readBlockHead(block)));
}

/** Bytes with repetitions near and far. */
const payloads = fc
  .array(fc.tuple(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1, max: 30 })), {
    maxLength: 40,
  })
  .map((parts) =>
    Buffer.concat(parts.flatMap(([part, times]) => Array<Uint8Array>(times).fill(part))),
  );

test('what is packed is unpacked', async () => {
  await fc.assert(
    fc.property(payloads, (bytes) => {
      expect(unpack(compress(bytes)).equals(bytes)).toBe(true);
    }),
  );
});

test('literals of every size of size are read', () => {
  for (const size of [1, 60, 61, 256, 257, 65_536, 65_537, 200_000]) {
    const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * 7919) % 251));
    const code =
      size <= 60
        ? []
        : [size - 1].flatMap((n) =>
            [n & 255, n >> 8, n >> 16].slice(0, n < 256 ? 1 : n < 65_536 ? 2 : 3),
          );
    const tag = size <= 60 ? (size - 1) << 2 : (59 + code.length) << 2;
    const block = Buffer.concat([blockHead(size), Buffer.from([tag, ...code]), bytes]);
    expect(unpack(block).equals(bytes)).toBe(true);
  }
});

test('a copy from far back with an offset of four bytes is read', () => {
  const block = Buffer.from([8, 0x0c, 1, 2, 3, 4, 0x0f, 4, 0, 0, 0]);
  expect([...unpack(block)]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
});

test('fragments joined behind one head are a block', async () => {
  await fc.assert(
    fc.property(fc.array(payloads, { minLength: 1, maxLength: 5 }), (parts) => {
      const whole = Buffer.concat(parts);
      const block = Buffer.concat([
        blockHead(whole.length),
        ...parts.filter(({ length }) => length > 0).map(packFragment),
      ]);
      expect(Buffer.from(uncompress(block)).equals(whole)).toBe(true);
    }),
  );
});

test('whatever is broken is refused or unpacks to the size it says', async () => {
  const mutation = fc.tuple(payloads, fc.nat(), fc.nat(255), fc.nat());
  await fc.assert(
    fc.property(mutation, ([bytes, place, byte, cut]) => {
      const block = Buffer.from(compress(bytes));
      if (block.length > 1) block[1 + (place % (block.length - 1))] = byte;
      const broken = block.subarray(0, block.length - (cut % block.length));
      try {
        const head = readBlockHead(broken);
        if (head.size > 1e6) return;
        expect(unpackBlock(broken, head).length).toBe(head.size);
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid-argument', message: 'snappy: corrupt input' });
      }
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['nothing', []],
  ['a size without an end', [0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ['a size above 32 bits', [0xff, 0xff, 0xff, 0xff, 0x7f]],
  ['fewer bytes than it says', [3, 0x04, 1, 2]],
  ['more bytes than it says', [1, 0x04, 1, 2]],
  ['a literal beyond the end', [3, 0x08, 1, 2]],
  ['a copy from before the start', [8, 0x0c, 1, 2, 3, 4, 0x01, 5]],
  ['a copy of offset 0', [8, 0x0c, 1, 2, 3, 4, 0x01, 0]],
])('%s is refused', (_, bytes) => {
  expect(() => unpack(Buffer.from(bytes))).toThrow('snappy: corrupt input');
});
