/** Whether a chunk of a series that takes no part in a rewrite has rows in the same time. */

import type { DirectoryLayer } from '../partition/chunk-directory.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import type { PartitionSet } from '../partition/partition-set.ts';

/** Chunks of one file that take part. */
export type ChunkSet = ReadonlySet<string>;
export const noChunks: ChunkSet = new Set();

export function chunkKey(layer: DirectoryLayer, at: number): string {
  return `${layer.rowNos[at]}:${layer.starts[at]}`;
}

/** Looks into the file and into a damaged one beside it; one that cannot be read may have anything. */
export function overlapTest(
  set: PartitionSet,
  file: PartitionFile,
  seriesId: number,
  takingPart: ChunkSet,
): (min: number, max: number) => boolean {
  const beside = set.files.filter((other) => other.bounds.start === file.bounds.start);
  return (min, max) =>
    beside.some((other) => {
      if (other.directory === undefined) return true;
      const chunks = other.directory.find(seriesId, min, max);
      if (other !== file) return chunks.length > 0;
      return chunks.some(({ layer, at }) => !takingPart.has(chunkKey(layer, at)));
    });
}
