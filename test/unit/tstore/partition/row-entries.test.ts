/** Directory rows and series blocks give back what went in; digests notice what comes and goes. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  cutIntoBlocks,
  decodeSeriesBlock,
  encodeSeriesBlock,
} from '../../../../src/tstore/catalog/series-block.ts';
import { ChunkDirectory, LayerBuilder } from '../../../../src/tstore/partition/chunk-directory.ts';
import {
  addToDigest,
  emptyDigest,
  equalDigests,
  removeFromDigest,
  rowSum,
} from '../../../../src/tstore/partition/row-digest.ts';
import {
  type ChunkEntry,
  decodeRowEntries,
  encodeRowEntries,
} from '../../../../src/tstore/partition/row-entries.ts';

const word = fc.nat({ max: 0xffffffff });
const offset = fc.nat({ max: 2 ** 31 }).map((n) => n * 1000);
const entryOf: fc.Arbitrary<ChunkEntry> = fc
  .record({
    seriesId: fc.integer({ min: 1, max: 20 }),
    size: fc.integer({ min: 1, max: 100_000 }),
    min: offset,
    length: offset,
    pointCount: fc.integer({ min: 1, max: 4096 }),
    stableHlc: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    hlcMin: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    stamped: fc.boolean(),
    tombstoneNo: fc.nat(),
  })
  .map(({ length, ...rest }) => ({
    ...rest,
    // One series has one key.
    hashLow: rest.seriesId * 77,
    hashHigh: rest.seriesId * 99,
    max: rest.min + length,
    hlcMin: rest.stamped ? rest.hlcMin : rest.stableHlc,
  }));
const chunksOf = fc
  .array(entryOf, { minLength: 1, maxLength: 30 })
  .map((chunks) => chunks.sort((a, b) => a.seriesId - b.seriesId || a.min - b.min));

test('a directory row gives back its chunks', async () => {
  await fc.assert(
    fc.property(chunksOf, word, (chunks, dataSum) => {
      expect(decodeRowEntries(encodeRowEntries({ dataSum, chunks }))).toEqual({ dataSum, chunks });
    }),
  );
});

const textOf = (entry: ChunkEntry) => JSON.stringify(Object.entries(entry).sort());

const pace = { isDue: false, breathe: () => Promise.resolve() };

test('a directory finds the chunks of a series whatever came and went', async () => {
  const rowsOf = fc.array(chunksOf, { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(rowsOf, fc.array(fc.nat({ max: 11 })), async (rows, gone) => {
      let directory = ChunkDirectory.empty;
      const alive = new Map(rows.map((chunks, no) => [no, chunks]));
      for (const [no, chunks] of rows.entries()) {
        const builder = new LayerBuilder();
        builder.addRow(no, 0, chunks);
        const leaving = gone.filter((other, i) => i === no && other < no && alive.delete(other));
        directory = await directory.with(builder.finish(), leaving, pace);
      }
      for (let id = 1; id <= 20; id++) {
        const found = directory.find(id, 0, Number.MAX_SAFE_INTEGER);
        const expected = [...alive.values()].flat().filter(({ seriesId }) => seriesId === id);
        const entries = found.map(({ layer, at }) => layer.entry(at));
        expect(entries.map(textOf).sort()).toEqual(expected.map(textOf).sort());
        const mins = found.map(({ layer, at }) => layer.mins[at]!);
        expect(mins).toEqual([...mins].sort((a, b) => a - b));
      }
    }),
    { numRuns: 60 },
  );
});

test('series blocks give back ids and keys, and are bounded', async () => {
  const keysOf = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), {
    minLength: 1,
    maxLength: 60,
  });
  await fc.assert(
    fc.property(keysOf, (keys) => {
      const ids = keys.map((_, i) => 5 + i * 3);
      const blocks = cutIntoBlocks('00000000000000ff', ids, keys);
      const decoded = blocks.map((block) => decodeSeriesBlock(encodeSeriesBlock(block)));
      expect(decoded.flatMap((block) => block.ids)).toEqual(ids);
      expect(decoded.flatMap((block) => block.keys.map((key) => key.join()))).toEqual(
        keys.map((key) => key.join()),
      );
      for (const block of blocks) {
        expect(block.dbId).toBe('00000000000000ff');
        expect(encodeSeriesBlock(block).length).toBeLessThan(4096);
      }
    }),
  );
});

test('a digest does not depend on order, and notices a row that is missing or another', () => {
  const sums = [1, 2, 3].map((no) => rowSum(3, no, Uint8Array.of(no)));
  const forth = sums.reduce(addToDigest, emptyDigest);
  const back = [...sums].reverse().reduce(addToDigest, emptyDigest);
  expect(equalDigests(forth, back)).toBe(true);
  expect(equalDigests(removeFromDigest(forth, sums[1]!), forth)).toBe(false);
  const two = [sums[0]!, sums[2]!].reduce(addToDigest, emptyDigest);
  expect(removeFromDigest(forth, sums[1]!)).toEqual(two);
  expect(rowSum(3, 1, Uint8Array.of(1))).not.toBe(rowSum(2, 1, Uint8Array.of(1)));
  expect(rowSum(3, 1, Uint8Array.of(1))).not.toBe(rowSum(3, 2, Uint8Array.of(1)));
});
