/**
 * Goal: what a writer puts, a reader gets, and no reader leaves its bytes. Method: random sequences of
 * operations; every truncation of them.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  align8,
  ByteReader,
  ByteWriter,
  compareBytes,
  equalBytes,
} from '../../../src/base/bytes.ts';
import { CitadelError } from '../../../src/base/errors.ts';

const operation = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), value: fc.nat(0xff) }),
  fc.record({ kind: fc.constant('u16' as const), value: fc.nat(0xffff) }),
  fc.record({ kind: fc.constant('u32' as const), value: fc.nat(0xffff_ffff) }),
  fc.record({ kind: fc.constant('varint' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('f64' as const), value: fc.double() }),
  fc.record({
    kind: fc.constant('i64' as const),
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  fc.record({
    kind: fc.constant('u64' as const),
    value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function write(writer: ByteWriter, { kind, value }: Operation): void {
  if (kind === 'i64' || kind === 'u64') writer[kind](value);
  else writer[kind](value);
}

test('a reader gives back what a writer put', async () => {
  await fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 40 }), (operations) => {
      const writer = new ByteWriter(8);
      for (const one of operations) write(writer, one);
      const reader = new ByteReader(writer.finish());
      for (const { kind, value } of operations) expect(reader[kind]()).toEqual(value);
      expect(reader.remaining).toBe(0);
    }),
  );
});

test('a truncated sequence is corrupt, never undefined', async () => {
  await fc.assert(
    fc.property(
      fc.array(operation, { minLength: 1, maxLength: 10 }),
      fc.nat(),
      (operations, cut) => {
        const writer = new ByteWriter();
        for (const one of operations) write(writer, one);
        const bytes = writer.written().subarray(0, cut % writer.size);
        const reader = new ByteReader(bytes);
        expect(() => {
          for (const { kind } of operations) reader[kind]();
        }).toThrow(CitadelError);
      },
    ),
  );
});

test('bytes compare as unsigned, prefix first', async () => {
  await fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), fc.uint8Array({ maxLength: 6 }), (a, b) => {
      expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
      expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
    }),
  );
});

test('padding reaches the next multiple of eight', () => {
  const writer = new ByteWriter();
  writer.u8(1);
  writer.pad8();
  expect(writer.size).toBe(8);
  writer.pad8();
  expect(writer.size).toBe(8);
  expect([0, 1, 8, 9].map(align8)).toEqual([0, 8, 8, 16]);
});
