/**
 * Goal: a chunk gives back every cell, time and stamp, its summaries equal what reading the cells
 * would say, and any damage is noticed.
 * Method: random chunks against plain arrays; every single byte flip of a chunk.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import type { Column } from '../../../../src/model/column.ts';
import {
  type ChunkInput,
  decodeColumn,
  decodeStamps,
  decodeTimes,
  encodeChunk,
  openChunk,
  originAfterAll,
  type StampRuns,
} from '../../../../src/tstore/chunk/chunk.ts';

type Cell = number | bigint | string;

function cellsOf(column: Column): (Cell | undefined)[] {
  const length = column.type === 'string' ? column.codes.length : column.values.length;
  return Array.from({ length }, (_, row) => {
    if (column.valid && !column.valid[row]) return undefined;
    if (column.type === 'string') return column.dictionary[column.codes[row]!];
    const value = column.values[row]!;
    return column.type === 'float' || typeof value === 'bigint' ? value : BigInt(value);
  });
}

function stampsOf(runs: StampRuns | undefined): string[] | undefined {
  if (!runs) return undefined;
  const stamps: string[] = [];
  runs.ends.forEach((end, i) => {
    const stamp = runs.hlcs[i] === 0 ? 'none' : `${runs.hlcs[i]}@${runs.origins[i]}`;
    while (stamps.length < end) stamps.push(stamp);
  });
  return stamps;
}

const rowCount = fc.constantFrom(1, 2, 31, 32, 33, 128, 200);

function validity(length: number): fc.Arbitrary<Uint8Array | undefined> {
  const some = fc
    .array(fc.constantFrom(0, 1), { minLength: length, maxLength: length })
    .map((list) => Uint8Array.from(list))
    .filter((list) => list.includes(1));
  return fc.option(some, { nil: undefined });
}

function column(length: number): fc.Arbitrary<Column> {
  const many = <T>(value: fc.Arbitrary<T>) =>
    fc.array(value, { minLength: length, maxLength: length });
  const values = fc.oneof(
    many(fc.double({ noNaN: true })).map(
      (v) => ({ type: 'float', values: Float64Array.from(v) }) as const,
    ),
    many(fc.integer({ min: -50, max: 50 })).map(
      (v) => ({ type: 'float', values: Float64Array.from(v) }) as const,
    ),
    many(fc.maxSafeInteger()).map(
      (v) => ({ type: 'integer', values: Float64Array.from(v) }) as const,
    ),
    many(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })).map(
      (v) => ({ type: 'integer', values: BigInt64Array.from(v) }) as const,
    ),
    many(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map(
      (v) => ({ type: 'unsigned', values: BigUint64Array.from(v) }) as const,
    ),
    many(fc.constantFrom(0, 1)).map(
      (v) => ({ type: 'boolean', values: Uint8Array.from(v) }) as const,
    ),
    many(fc.constantFrom(0, 1, 2)).map(
      (v) => ({ type: 'string', codes: Uint32Array.from(v), dictionary: ['', 'a', 'ü'] }) as const,
    ),
  );
  return fc.tuple(values, validity(length)).map(([v, valid]) => ({ ...v, valid }) as Column);
}

const origins = ['00000000000000ff', 'fedcba9876543210'];

function stampRuns(length: number): fc.Arbitrary<StampRuns> {
  const hlc = fc.oneof(fc.constant(0), fc.integer({ min: 1 }), fc.constant(2 ** 53 - 1));
  const run = fc.tuple(hlc, fc.constantFrom(0, 1, originAfterAll), fc.integer({ min: 1, max: 50 }));
  return fc.array(run, { minLength: 1, maxLength: 9 }).map((runs) => {
    const cut: [number, number, number][] = [];
    let end = 0;
    for (const [h, origin, count] of runs) {
      if (end >= length) break;
      end = Math.min(length, end + count);
      cut.push([h, origin, end]);
    }
    if (end < length) cut.push([7, 0, length]);
    return {
      ends: Uint32Array.from(cut, (r) => r[2]),
      hlcs: Float64Array.from(cut, (r) => r[0]),
      origins: Uint32Array.from(cut, (r) => r[1]),
    };
  });
}

const chunkInput: fc.Arbitrary<ChunkInput> = rowCount.chain((length) =>
  fc.record({
    offsets: fc
      .array(fc.integer({ min: 1, max: 2 ** 31 }), { minLength: length, maxLength: length })
      .map((steps) => {
        let sum = -1;
        return Float64Array.from(steps, (step) => (sum += step));
      }),
    stableHlc: fc.maxSafeInteger().map(Math.abs),
    columns: fc
      .tuple(
        fc.array(column(length), { maxLength: 4 }),
        fc.array(stampRuns(length), { minLength: 2, maxLength: 2 }),
        fc.array(fc.constantFrom(0, 1, 2), { minLength: 4, maxLength: 4 }),
        fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 }),
      )
      .map(([columns, runs, choice, gaps]) => {
        let field = -1;
        return columns.map((c, i) => {
          field += 1 + gaps[i]!;
          return { field, column: c, stamps: runs[choice[i]!] };
        });
      }),
    origins: fc.constant(origins),
  }),
);

test('a chunk gives back what went in', async () => {
  await fc.assert(
    fc.property(chunkInput, (input) => {
      const view = openChunk(encodeChunk(input));
      expect(view.rowCount).toBe(input.offsets.length);
      expect(decodeTimes(view)).toEqual(input.offsets);
      expect([view.firstOffset, view.lastOffset]).toEqual([input.offsets[0], input.offsets.at(-1)]);
      expect(view.stableHlc).toBe(input.stableHlc);
      expect(view.origins).toEqual(origins);
      expect(view.columns.map((c) => [c.field, c.type])).toEqual(
        input.columns.map((c) => [c.field, c.column.type]),
      );
      input.columns.forEach((original, i) => {
        const decoded = decodeColumn(view, i);
        const cells = cellsOf(original.column);
        expect(cellsOf(decoded)).toEqual(cells);
        expect(view.columns[i]!.validCount).toBe(cells.filter((c) => c !== undefined).length);
        expect(stampsOf(decodeStamps(view, i))).toEqual(stampsOf(original.stamps));
      });
    }),
  );
});

test('a summary says what reading the cells would say', async () => {
  const exact = (value: number | bigint | undefined) =>
    typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt(value!) : value;
  let seen = 0;
  await fc.assert(
    fc.property(chunkInput, (input) => {
      const view = openChunk(encodeChunk(input));
      input.columns.forEach(({ column: original }, i) => {
        const { summary, validCount } = view.columns[i]!;
        if (original.type === 'string' || validCount < 32) {
          expect(summary).toBeUndefined();
          return;
        }
        seen++;
        const rows = cellsOf(original).flatMap((value, row) =>
          value === undefined
            ? []
            : [{ value: exact(value as number | bigint)!, at: input.offsets[row]! }],
        );
        const least = rows.reduce((a, b) => (b.value < a.value ? b : a));
        const greatest = rows.reduce((a, b) => (b.value > a.value ? b : a));
        expect(summary).toBeDefined();
        expect(summary!.count).toBe(rows.length);
        expect([summary!.firstOffset, exact(summary!.first)]).toEqual([
          rows[0]!.at,
          rows[0]!.value,
        ]);
        expect([summary!.lastOffset, exact(summary!.last)]).toEqual([
          rows.at(-1)!.at,
          rows.at(-1)!.value,
        ]);
        expect([summary!.minOffset, exact(summary!.min)]).toEqual([least.at, least.value]);
        expect([summary!.maxOffset, exact(summary!.max)]).toEqual([greatest.at, greatest.value]);
        const sum = rows.every((r) => typeof r.value === 'bigint')
          ? rows.reduce((a, r) => a + (r.value as bigint), 0n)
          : undefined;
        if (original.type === 'float') {
          if (summary!.sum !== undefined) expect(exact(summary!.sum)).toBe(sum);
          else
            expect(
              sum === undefined || rows.some((r) => !Number.isSafeInteger(Number(r.value))),
            ).toBe(true);
        } else if (original.type !== 'boolean') {
          expect(BigInt.asUintN(64, BigInt(summary!.sum!))).toBe(BigInt.asUintN(64, sum!));
        }
      });
    }),
  );
  expect(seen).toBeGreaterThan(10);
});

test('a column with a NaN has no summary', () => {
  const values = Float64Array.from({ length: 64 }, (_, i) => (i === 9 ? Number.NaN : i));
  const offsets = Float64Array.from({ length: 64 }, (_, i) => i);
  const columns = [
    { field: 3, column: { type: 'float', values, valid: undefined } as const, stamps: undefined },
  ];
  const view = openChunk(encodeChunk({ offsets, stableHlc: 1, columns, origins: [] }));
  expect(view.columns[0]!.summary).toBeUndefined();
  expect(decodeColumn(view, 0)).toEqual(columns[0]!.column);
});

test('one row with one float field takes at most 60 bytes', () => {
  const day = 86_400e9;
  const bytes = encodeChunk({
    offsets: Float64Array.of(90 * day + 1),
    stableHlc: 220_898_664_000 * 2048,
    columns: [
      {
        field: 1000,
        column: { type: 'float', values: Float64Array.of(Math.PI), valid: undefined },
        stamps: undefined,
      },
    ],
    origins: [],
  });
  expect(bytes.length).toBeLessThanOrEqual(45);
});

test('equal stamps of several columns are stored once', () => {
  const offsets = Float64Array.from({ length: 100 }, (_, i) => i * 10);
  const make = (columnCount: number) =>
    encodeChunk({
      offsets,
      stableHlc: 5,
      origins,
      columns: Array.from({ length: columnCount }, (_, field) => ({
        field,
        column: { type: 'boolean', values: new Uint8Array(100), valid: undefined } as const,
        stamps: {
          ends: Uint32Array.from({ length: 100 }, (_, i) => i + 1),
          hlcs: Float64Array.from({ length: 100 }, (_, i) => 2 ** 50 + i * 1e12),
          origins: new Uint32Array(100),
        },
      })),
    }).length;
  expect(make(2) - make(1)).toBeLessThan(30);
});

function damagedChunk(): Uint8Array {
  const offsets = Float64Array.from({ length: 40 }, (_, i) => i * 1e9 + (i % 3));
  return encodeChunk({
    offsets,
    stableHlc: 77,
    origins,
    columns: [
      {
        field: 0,
        column: { type: 'float', values: offsets.map(Math.sqrt), valid: undefined },
        stamps: {
          ends: Uint32Array.of(10, 40),
          hlcs: Float64Array.of(0, 9),
          origins: Uint32Array.of(0, 1),
        },
      },
    ],
  });
}

test('every flip of a byte and every cut is noticed at opening', () => {
  const original = damagedChunk();
  for (let at = 0; at < original.length; at++) {
    for (const flip of [1, 128, 255]) {
      const bytes = original.slice();
      bytes[at]! ^= flip;
      expect(() => openChunk(bytes)).toThrow(CitadelError);
    }
    expect(() => openChunk(original.slice(0, at))).toThrow(
      expect.objectContaining({ code: 'corrupt' }),
    );
  }
  expect(() => openChunk(new Uint8Array([...original, 0]))).toThrow(CitadelError);
});
