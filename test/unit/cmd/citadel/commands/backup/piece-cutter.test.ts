/**
 * Goal: pieces come out as they went in, wherever the stream is cut.
 * Method: random contents through the writer of snapshots, cut at random, joined again and read by its reader.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PieceCutter } from '../../../../../../cmd/citadel/commands/backup/piece-cutter.ts';
import { PieceReader, PieceWriter } from '../../../../../../src/model/snapshot-pieces.ts';

function makeStream(contents: readonly Uint8Array[]): Buffer {
  const writer = new PieceWriter();
  const pieces: Uint8Array[] = [];
  for (const content of contents) {
    writer.put(content);
    pieces.push(...writer.take());
  }
  return Buffer.concat([...pieces, ...writer.finish()]);
}

function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length];
  ends.sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

test('pieces come out of a stream that is cut anywhere', async () => {
  const contents = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc.constantFrom(...[0, 1_048_555, 1_048_556, 1_048_557, 3_000_000]).map((size) => {
        return new Uint8Array(size).fill(size % 251);
      }),
    ),
    { maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(contents, fc.array(fc.nat(), { maxLength: 30 }), async (given, places) => {
      const stream = makeStream(given);
      const cutter = new PieceCutter();
      const reader = new PieceReader();
      const payloads: Uint8Array[] = [];
      for (const part of cutAt(stream, places)) {
        for (const piece of cutter.take(part)) payloads.push(reader.take(piece));
      }
      expect(cutter.isEmpty).toBe(true);
      expect(reader.isComplete).toBe(true);
      expect(Buffer.concat(payloads).equals(Buffer.concat(given))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('what is cut short is no whole piece', () => {
  const stream = makeStream([new Uint8Array(100)]);
  const cutter = new PieceCutter();
  expect([...cutter.take(stream.subarray(0, stream.length - 1))]).toEqual([]);
  expect(cutter.isEmpty).toBe(false);
});

test('a size that no piece has is refused before room is made for it', () => {
  const stream = makeStream([new Uint8Array(100)]);
  stream.writeUInt32LE(0xffff_fff0, 12);
  expect(() => [...new PieceCutter().take(stream)]).toThrow('is no snapshot');
});
