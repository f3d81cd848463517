/** Values on the wire: what was written is read, bit for bit, and damage is always noticed. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { decodeValue, decodeValues } from '../../../../src/rpc/wire/value-reader.ts';
import { encodeValue, ValueWriter } from '../../../../src/rpc/wire/value-writer.ts';
import {
  anyAggregateBlock,
  anyColumn,
  anyRawBlock,
  anyText,
  anyValue,
} from './arbitrary-values.ts';

/** Typed arrays as their bytes, so that equality sees every bit of a NaN. */
function toBits(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return { view: value.constructor.name, bytes: [...bytes] };
  }
  if (Array.isArray(value)) return value.map(toBits);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toBits(item)]));
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CitadelError) return error.code;
    throw error;
  }
  return 'none';
}

/** At any place of a larger buffer, as messages arrive. */
function shifted(message: Uint8Array, by: number): Uint8Array {
  const larger = new Uint8Array(message.length + by);
  larger.set(message, by);
  return larger.subarray(by);
}

test('any value comes back as it was, wherever its bytes lie', async () => {
  await fc.assert(
    fc.property(anyValue, fc.integer({ min: 0, max: 9 }), (value, by) => {
      expect(decodeValue(shifted(encodeValue(value), by))).toStrictEqual(value);
    }),
  );
});

test('columns of every kind come back bit for bit', async () => {
  const columns = fc.integer({ min: 0, max: 30 }).chain(anyColumn);
  await fc.assert(
    fc.property(columns, (column) => {
      const read = decodeValue(encodeValue(column));
      expect(toBits(read)).toStrictEqual(toBits(column));
      // Views keep their class, and 'undefined' stays a key.
      expect(Object.keys(read as object)).toEqual(Object.keys(column));
    }),
  );
});

test('blocks come back bit for bit, many to a message', async () => {
  const blocks = fc.array(fc.oneof(anyRawBlock, anyAggregateBlock), { maxLength: 6 });
  await fc.assert(
    fc.property(blocks, (list) => {
      const writer = new ValueWriter();
      for (const block of list) writer.add(block);
      expect(writer.valueCount).toBe(list.length);
      const read = [...decodeValues(writer.take())];
      expect(read.map(toBits)).toStrictEqual(list.map(toBits));
      expect(writer.valueCount).toBe(0);
    }),
  );
});

test('views of a part of a buffer travel as that part', () => {
  const source = new Float64Array([1, 2, 3, 4]);
  expect(decodeValue(encodeValue(source.subarray(1, 3)))).toStrictEqual(new Float64Array([2, 3]));
});

test('text is lossless, with lone surrogates and beyond Latin-1', async () => {
  await fc.assert(
    fc.property(fc.array(anyText), (texts) => {
      expect(decodeValue(encodeValue(texts))).toStrictEqual(texts);
    }),
  );
});

test('no changed byte and no cut goes unnoticed', async () => {
  await fc.assert(
    fc.property(
      fc.oneof(anyValue, anyRawBlock),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (value, at, change) => {
        const message = encodeValue(value);
        const damaged = Uint8Array.from(message);
        damaged[at % damaged.length]! ^= change;
        expect(['corrupt', 'unsupported-version']).toContain(codeOf(() => decodeValue(damaged)));
        const cut = message.subarray(0, at % message.length);
        expect(codeOf(() => decodeValue(cut))).toBe('corrupt');
      },
    ),
  );
});

// A foreign sender can compute a checksum too: whatever the words say, nothing but CitadelError comes out.
test('words that make no sense are refused, not believed', async () => {
  const { crc32 } = await import('node:zlib');
  await fc.assert(
    fc.property(fc.oneof(anyValue, anyRawBlock), fc.nat(), fc.nat(), (value, at, word) => {
      const message = Buffer.from(encodeValue(value));
      const words = Math.floor((message.length - 16) / 4);
      message.writeUInt32LE(word % 64, 16 + 4 * (at % words));
      message.writeUInt32LE(crc32(message.subarray(12)), 8);
      expect(['corrupt', 'none']).toContain(codeOf(() => decodeValue(message)));
    }),
    { numRuns: 500 },
  );
});

test('nesting without end is refused', () => {
  let value: unknown = [];
  for (let i = 0; i < 1_100; i++) value = [value];
  const message = encodeValue(value);
  expect(codeOf(() => decodeValue(message))).toBe('corrupt');
});

test('another version is named, with what to do', () => {
  const message = Buffer.from(encodeValue('x'));
  message.writeUInt16LE(2, 4);
  expect(codeOf(() => decodeValue(message))).toBe('unsupported-version');
  expect(() => decodeValue(message)).toThrow(/version 2 .* run the same release on all nodes/);
});

test('what cannot travel is a mistake of ours, at once', () => {
  expect(() => encodeValue(() => 1)).toThrow('cannot travel');
  expect(() => encodeValue(2n ** 64n)).toThrow('cannot travel');
  expect(() => encodeValue(new Int8Array(1))).toThrow('cannot travel');
});

/** What the kept sample holds. */
const sample = {
  none: undefined,
  nothing: null,
  flags: [true, false],
  numbers: [0, 4294967295, -1, 0.5, -0],
  integers: [-(2n ** 63n), 2n ** 64n - 1n],
  texts: ['', 'Grüße', '日本', '\udc80'],
  column: { type: 'float', values: new Float64Array([1.5, -2.5]), valid: Uint8Array.of(1, 0) },
  more: [new BigInt64Array([-1n]), new BigUint64Array([1n]), new Uint32Array([7])],
};

test('the kept sample of version 1 is still read and written', () => {
  const path = new URL('../../../fixtures/formats/rpc-values-v1.bin', import.meta.url);
  const kept = readFileSync(path);
  expect(decodeValue(kept)).toStrictEqual(sample);
  expect(encodeValue(sample).equals(kept)).toBe(true);
});
