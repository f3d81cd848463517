/**
 * Goal: chunks written by earlier releases stay readable, every codec among them, and today's encoder
 * still writes the same bytes.
 * Method: kept chunks of version 1 that use each codec at least once.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Column } from '../../../../src/model/column.ts';
import {
  type ChunkInput,
  decodeColumn,
  decodeStamps,
  decodeTimes,
  encodeChunk,
  openChunk,
  originAfterAll,
} from '../../../../src/tstore/chunk/chunk.ts';
import { codecId } from '../../../../src/tstore/codec/codec-id.ts';

const file = fileURLToPath(new URL('../../../fixtures/formats/chunk-v1.bin', import.meta.url));

const rowCount = 300;

function scatter(i: number): number {
  return Math.imul(i + 1, 0x9e3779b1) >>> 0;
}

function numbers(make: (i: number) => number): Float64Array {
  return Float64Array.from({ length: rowCount }, (_, i) => make(i));
}

function wide(make: (i: number) => bigint): BigInt64Array {
  return BigInt64Array.from({ length: rowCount }, (_, i) => BigInt.asIntN(64, make(i)));
}

function strings(make: (i: number) => string): Column {
  const dictionary = Array.from({ length: rowCount }, (_, i) => make(i));
  const codes = Uint32Array.from(dictionary, (_, i) => i);
  return { type: 'string', codes, dictionary, valid: undefined };
}

const valid = undefined;
const noise = wide((i) => (BigInt(scatter(i)) << 32n) | BigInt(scatter(i + 1000)));
const misfits: Readonly<Record<number, number>> = { 7: -0, 70: Number.NaN, 170: 0.1 + 0.2 };

/** Per codec a column that its encoder gives that codec. */
const columns: readonly (readonly [codec: number, column: Column])[] = [
  [codecId.integerRuns, { type: 'integer', values: numbers((i) => Math.floor(i / 100)), valid }],
  [codecId.integerPlain, { type: 'integer', values: numbers((i) => scatter(i) % 1000), valid }],
  [codecId.integerDelta, { type: 'integer', values: numbers((i) => i * 1e9 + (i % 3)), valid }],
  [codecId.integerDelta2, { type: 'unsigned', values: numbers((i) => i * i), valid }],
  [codecId.integerWidePlain, { type: 'integer', values: noise, valid }],
  [
    codecId.integerWideDelta,
    { type: 'integer', values: wide((i) => 2n ** 62n + BigInt(i * 1000)), valid },
  ],
  [
    codecId.floatRuns,
    { type: 'float', values: numbers((i) => (i < 150 ? Math.PI : Math.E)), valid },
  ],
  [
    codecId.floatDecimal,
    { type: 'float', values: numbers((i) => misfits[i] ?? (scatter(i) % 1000) / 100), valid },
  ],
  [codecId.floatXor, { type: 'float', values: numbers((i) => Math.sqrt(i + 1)), valid }],
  [codecId.floatRaw, { type: 'float', values: new Float64Array(noise.buffer), valid }],
  [
    codecId.booleanRuns,
    { type: 'boolean', values: Uint8Array.from(numbers((i) => (i > 200 ? 1 : 0))), valid },
  ],
  [
    codecId.booleanBits,
    { type: 'boolean', values: Uint8Array.from(numbers((i) => scatter(i) & 1)), valid },
  ],
  [codecId.stringDictionary, strings((i) => ['a', 'b\udcff', '日本'][i % 3]!)],
];

/** Deflate may write other bytes in another release of the library: only read. */
const deflatedColumns: readonly (readonly [codec: number, column: Column])[] = [
  [codecId.stringPlainDeflated, strings((i) => `request number ${i} took long`)],
  [codecId.stringDictionaryDeflated, strings((i) => `state ${'long '.repeat(20)} ${i % 9}`)],
];

/** Three rows: too little text to deflate. */
const shortInput: ChunkInput = {
  offsets: Float64Array.of(0, 1, 2 ** 53 - 1),
  stableHlc: 0,
  origins: [],
  columns: [
    {
      field: 9,
      column: {
        type: 'string',
        codes: Uint32Array.of(0, 1, 2),
        dictionary: ['', 'x', 'é\udc80'],
        valid,
      },
      stamps: undefined,
    },
  ],
};

const stamps = {
  ends: Uint32Array.of(10, 200, rowCount),
  hlcs: Float64Array.of(0, 2 ** 52, 5),
  origins: Uint32Array.of(0, 1, originAfterAll),
};

function input(
  offsets: Float64Array,
  list: readonly (readonly [codec: number, column: Column])[],
): ChunkInput {
  return {
    offsets,
    stableHlc: 452_400_463_872_001,
    origins: ['0011223344556677', 'fedcba9876543210'],
    columns: list.map(([, column], i) => ({
      field: i * 3,
      column:
        i === 1 ? { ...column, valid: Uint8Array.from(numbers((row) => row % 5 && 1)) } : column,
      stamps: i === 2 ? stamps : undefined,
    })),
  };
}

const inputs = [
  input(
    numbers((i) => 5e9 + i * 1e10),
    columns,
  ),
  input(
    numbers((i) => i * 1e10 + (scatter(i) % 1000)),
    columns.slice(0, 3),
  ),
  input(
    numbers((i) => i * i * 1e6 + i * 1e6),
    deflatedColumns,
  ),
];
const lists = [columns, columns.slice(0, 3), deflatedColumns];
inputs.push(shortInput);
lists.push([[codecId.stringPlain, shortInput.columns[0]!.column]]);

function readChunks(): Uint8Array[] {
  const bytes = new Uint8Array(readFileSync(file));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = view.getUint32(at, true);
    chunks.push(bytes.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return chunks;
}

/** Floats by their bits, gaps as undefined. */
function cellsOf(column: Column): unknown[] {
  const length = column.type === 'string' ? column.codes.length : rowCount;
  return Array.from({ length }, (_, row) => {
    if (column.valid && !column.valid[row]) return undefined;
    if (column.type === 'string') return column.dictionary[column.codes[row]!];
    if (column.type !== 'float') return BigInt(column.values[row]!);
    return new BigUint64Array(column.values.buffer, column.values.byteOffset, rowCount)[row];
  });
}

test('the kept chunks give back every cell, time and stamp', () => {
  const chunks = readChunks();
  expect(chunks.length).toBe(inputs.length);
  chunks.forEach((bytes, c) => {
    const view = openChunk(bytes);
    const original = inputs[c]!;
    expect(decodeTimes(view)).toEqual(original.offsets);
    expect(view.stableHlc).toBe(original.stableHlc);
    expect(view.origins).toEqual(original.origins);
    expect(view.columns.map((column) => column.codec)).toEqual(lists[c]!.map(([codec]) => codec));
    original.columns.forEach((column, i) => {
      expect(view.columns[i]!.field).toBe(column.field);
      expect(cellsOf(decodeColumn(view, i))).toEqual(cellsOf(column.column));
      expect(decodeStamps(view, i)).toEqual(column.stamps);
    });
  });
});

test('the encoder still writes the kept bytes', () => {
  const chunks = readChunks();
  for (const c of [0, 1, 3])
    expect(Buffer.from(encodeChunk(inputs[c]!))).toEqual(Buffer.from(chunks[c]!));
});

test('a chunk of a later version, and one with a flag or codec not known here, is refused by name', () => {
  const [bytes] = readChunks();
  const changed = (at: number, value: number) => {
    const copy = bytes!.slice();
    copy[at] = value;
    return reseal(copy);
  };
  for (const chunk of [changed(1, 2), changed(2, 1)]) {
    expect(() => openChunk(chunk)).toThrow(
      expect.objectContaining({ code: 'unsupported-version' }),
    );
  }
});

/** With a checksum that fits, as a later release would write it. */
function reseal(bytes: Uint8Array): Uint8Array {
  const until = bytes.length - 4;
  new DataView(bytes.buffer).setUint32(until, crc32(bytes.subarray(0, until)), true);
  return bytes;
}
