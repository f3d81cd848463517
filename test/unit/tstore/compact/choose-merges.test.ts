/** Merging is bounded: rows are written anew a few times, and then chunks are left alone. */

import { expect, test } from 'vitest';
import { chooseMerges } from '../../../../src/tstore/compact/choose-merges.ts';
import { type ChunkRef, DirectoryLayer } from '../../../../src/tstore/partition/chunk-directory.ts';

interface Chunk {
  readonly min: number;
  readonly max: number;
  readonly rows: number;
}

function refsOf(chunks: readonly Chunk[]): ChunkRef[] {
  const layer = new DirectoryLayer(chunks.length);
  chunks.forEach(({ min, max, rows }, i) => {
    layer.mins[i] = min;
    layer.maxs[i] = max;
    layer.pointCounts[i] = rows;
  });
  layer.count = chunks.length;
  return chunks.map((_, at) => ({ layer, at }));
}

/** Merges until nothing is worth it; returns the chunks left and how many rows were written. */
function settle(start: readonly Chunk[]): { chunks: Chunk[]; written: number } {
  let chunks = [...start];
  let written = 0;
  for (;;) {
    const merges = chooseMerges(refsOf(chunks));
    if (merges.length === 0) return { chunks, written };
    const gone = new Set(merges.flat().map(({ at }) => at));
    const made: Chunk[] = merges.map((merge) => {
      const parts = merge.map(({ at }) => chunks[at]!);
      const rows = parts.reduce((sum, part) => sum + part.rows, 0);
      written += rows;
      return {
        min: Math.min(...parts.map((part) => part.min)),
        max: Math.max(...parts.map((part) => part.max)),
        rows,
      };
    });
    chunks = [...chunks.filter((_, i) => !gone.has(i)), ...made].sort((a, b) => a.min - b.min);
  }
}

test('a row a flush for a week of flushes is written about six times', () => {
  let chunks: Chunk[] = [];
  let written = 0;
  const rows = 12_000;
  for (let i = 0; i < rows; i++) {
    const settled = settle([...chunks, { min: i * 10, max: i * 10, rows: 1 }]);
    chunks = settled.chunks;
    written += settled.written;
  }
  expect(written / rows).toBeLessThan(7);
  expect(chunks.length).toBeLessThan(40);
  expect(chunks.reduce((sum, chunk) => sum + chunk.rows, 0)).toBe(rows);
});

test('full chunks that do not overlap are left alone', () => {
  const full = Array.from({ length: 50 }, (_, i) => ({
    min: i * 100,
    max: i * 100 + 99,
    rows: 4096,
  }));
  expect(chooseMerges(refsOf(full))).toEqual([]);
});

test('one late row does not rewrite a full chunk, but many do', () => {
  const full = { min: 0, max: 1000, rows: 4096 };
  const late = (at: number) => ({ min: at, max: at, rows: 1 });
  expect(chooseMerges(refsOf([full, late(5)]))).toEqual([]);
  expect(chooseMerges(refsOf([full, late(5), late(6), late(7)]))).toHaveLength(1);
  expect(chooseMerges(refsOf([full, { min: 5, max: 900, rows: 2000 }]))).toHaveLength(1);
});

test('chunks that all lie over each other are sorted out two at a time', () => {
  // Rows as numbers: a chunk is a sorted list, a merge sorts the union and cuts it at 4096.
  let chunks = Array.from({ length: 12 }, (_, i) =>
    Array.from({ length: 4096 }, (_, row) => row * 12 + ((i * 7) % 12)),
  );
  let steps = 0;
  for (;;) {
    const refs = refsOf(
      chunks.map((rows) => ({ min: rows[0]!, max: rows[rows.length - 1]!, rows: rows.length })),
    );
    const [merge] = chooseMerges(refs);
    if (merge === undefined) break;
    expect(steps++).toBeLessThan(200);
    const gone = new Set(merge.map(({ at }) => at));
    const union = merge.flatMap(({ at }) => chunks[at]!).sort((a, b) => a - b);
    const made: number[][] = [];
    for (let i = 0; i < union.length; i += 4096) made.push(union.slice(i, i + 4096));
    chunks = [...chunks.filter((_, i) => !gone.has(i)), ...made].sort((a, b) => a[0]! - b[0]!);
  }
  expect(chunks.flat()).toEqual(Array.from({ length: 12 * 4096 }, (_, i) => i));
});
