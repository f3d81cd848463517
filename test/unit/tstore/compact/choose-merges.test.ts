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
