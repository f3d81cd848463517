/**
 * Goal: offsets come back exactly and regular series cost a few bytes.
 * Method: ascending offsets from steps of many kinds, up to the last nanosecond below 2^53.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader } from '../../../../src/tstore/codec/byte-reader.ts';
import { ByteWriter } from '../../../../src/tstore/codec/byte-writer.ts';
import { decodeOffsets, encodeTimes } from '../../../../src/tstore/codec/time-codec.ts';

function roundTrip(offsets: Float64Array): { decoded: Float64Array | undefined; size: number } {
  const writer = new ByteWriter(8);
  const codec = encodeTimes(writer, offsets);
  const reader = new ByteReader(writer.finish());
  const decoded = decodeOffsets(reader, codec, offsets[0]!, offsets.length);
  expect(reader.at).toBe(reader.until);
  return { decoded, size: writer.size };
}

function offsetsOf(first: number, steps: readonly number[]): Float64Array {
  const offsets = [first];
  for (const step of steps) {
    const next = offsets.at(-1)! + step;
    if (next > Number.MAX_SAFE_INTEGER) break;
    offsets.push(next);
  }
  return Float64Array.from(offsets);
}

test('ascending offsets come back', async () => {
  const step = fc.oneof(
    fc.constantFrom(1, 10, 1000, 1e6, 1e9, 1e10, 2 ** 32, 2 ** 52, 2 ** 53 - 2),
    fc.integer({ min: 1, max: 1e9 }),
    fc.integer({ min: 1, max: 1e6 }).map((v) => v * 1e6),
    fc.maxSafeInteger().map((v) => Math.abs(v) + 1),
  );
  const steps = fc.oneof(
    fc.array(step, { maxLength: 300 }),
    fc
      .array(fc.tuple(step, fc.integer({ min: 1, max: 200 })), { maxLength: 10 })
      .map((runs) => runs.flatMap(([v, n]) => Array<number>(n).fill(v))),
  );
  const first = fc.oneof(fc.constantFrom(0, 1, 2 ** 53 - 1), fc.nat());
  await fc.assert(
    fc.property(first, steps, (start, list) => {
      const offsets = offsetsOf(start, list);
      expect(roundTrip(offsets).decoded).toEqual(offsets);
    }),
    { numRuns: 300 },
  );
});

test('a regular series costs a few bytes, a jittering one a few bits a row', () => {
  const regular = offsetsOf(5e9, Array<number>(4095).fill(1e10));
  expect(roundTrip(regular).size).toBeLessThanOrEqual(5);
  const jitter = offsetsOf(
    5e9,
    Array.from({ length: 4095 }, (_, i) => 1e10 + (((i * 7919) % 13) - 6) * 1e6),
  );
  expect(roundTrip(jitter).size).toBeLessThan(4096 * 0.6);
});
