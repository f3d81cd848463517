/**
 * Goal: documents are cut at their ends and read exactly, whatever pieces the stream comes in.
 * Method: arbitrary values written by a plain encoder of the format, joined, and cut at random.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DocumentCutter,
  MsgpackCursor,
  type MsgpackValue,
} from '../../../../../../cmd/citadel/commands/transfer/msgpack.ts';
import { encodeText } from '../../../../../../src/base/text.ts';

function head(byte: number, size: number, length: number): Buffer {
  const bytes = Buffer.alloc(1 + size);
  bytes[0] = byte;
  bytes.writeUIntBE(length, 1, size);
  return bytes;
}

/** Always the longest form of lengths, so that every kind of head is met with the short ones below. */
function encode(value: MsgpackValue, isShort: boolean): Buffer {
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9, 0xcb);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === 'bigint') return encodeInteger(value, isShort);
  if (typeof value === 'string') {
    const bytes = Buffer.from(encodeText(value));
    const fits = isShort && bytes.length < 32;
    return Buffer.concat([
      fits ? Buffer.from([0xa0 | bytes.length]) : head(0xdb, 4, bytes.length),
      bytes,
    ]);
  }
  const isList = Array.isArray(value);
  const items = isList ? (value as MsgpackValue[]) : Object.entries(value).flat();
  const length = isList ? items.length : items.length / 2;
  const fits = isShort && length < 16;
  const opening = fits
    ? Buffer.from([(isList ? 0x90 : 0x80) | length])
    : head(isList ? 0xdd : 0xdf, 4, length);
  return Buffer.concat([opening, ...items.map((item) => encode(item, isShort))]);
}

function encodeInteger(value: bigint, isShort: boolean): Buffer {
  if (isShort && value >= -32n && value < 128n) return Buffer.from([Number(value & 0xffn)]);
  const bytes = Buffer.alloc(9);
  if (value > 0x7fff_ffff_ffff_ffffn) {
    bytes[0] = 0xcf;
    bytes.writeBigUInt64BE(value, 1);
  } else {
    bytes[0] = 0xd3;
    bytes.writeBigInt64BE(value, 1);
  }
  return bytes;
}

const { value: anyValue } = fc.letrec<{ value: MsgpackValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.integer({ min: -40, max: 140 }).map(BigInt),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\udc80\udcff', 'x'.repeat(300)),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string(), tie('value'), { noNullPrototype: false, maxKeys: 5 }),
  ),
}));

test('documents come out as they went in', async () => {
  const documents = fc.array(fc.tuple(anyValue, fc.boolean()), { minLength: 1, maxLength: 5 });
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 50 });
  await fc.assert(
    fc.property(documents, sizes, (values, pieceSizes) => {
      const bytes = Buffer.concat(values.map(([value, isShort]) => encode(value, isShort)));
      const cutter = new DocumentCutter(1 << 20);
      const read: MsgpackValue[] = [];
      const take = (part: Buffer) => {
        for (const document of cutter.add(part)) read.push(new MsgpackCursor(document).read());
      };
      let at = 0;
      for (const size of pieceSizes) {
        take(bytes.subarray(at, at + size));
        at = Math.min(bytes.length, at + size);
      }
      take(bytes.subarray(at));
      expect(cutter.isBetween).toBe(true);
      expect(encodeAll(read)).toEqual(encodeAll(values.map(([value]) => value)));
    }),
  );
});

/** One way to write each value, so that equal texts mean equal values, -0 and all. */
function encodeAll(values: readonly MsgpackValue[]): string[] {
  return values.map((value) => encode(value, false).toString('hex'));
}

test('a document that is too large, and bytes that are none, are refused', () => {
  const cutter = new DocumentCutter(100);
  const long = encode('x'.repeat(200), false);
  expect(() => [...cutter.add(long.subarray(0, 150))]).toThrow('larger than 100 bytes');
  expect(() => [...new DocumentCutter(100).add(Buffer.from([0xc1]))]).toThrow('begins no value');
});
