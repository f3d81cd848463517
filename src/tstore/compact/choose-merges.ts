/**
 * Which chunks of one series are worth writing anew. Sizes grow by a factor with each rewrite, so a row is
 * rewritten about six times before its chunk is full.
 */

import { chunkRowsMax } from '../chunk/chunk.ts';
import type { ChunkRef } from '../partition/chunk-directory.ts';

/** So many neighbours of one size class become one chunk. */
const runLengthMin = 4;
/** Chunks with at least this many rows are left alone unless they overlap. */
const smallRowsMax = chunkRowsMax / 4;
/** Bounds a single merge: chunks and rows of an overlapping cluster. */
const mergeRowsMax = 2 * chunkRowsMax;

const rowsOf = ({ layer, at }: ChunkRef) => layer.pointCounts[at]!;

/** 0 for 1 to 3 rows, 1 for 4 to 15, ... */
function sizeClass(rows: number): number {
  return Math.floor(Math.log2(rows) / 2);
}

/** Overlapping clusters, and single chunks as clusters of one, by time. */
function clusters(chunks: readonly ChunkRef[]): ChunkRef[][] {
  const found: ChunkRef[][] = [];
  let max = -1;
  for (const chunk of chunks) {
    const { layer, at } = chunk;
    const last = found[found.length - 1];
    if (last !== undefined && layer.mins[at]! <= max) last.push(chunk);
    else found.push([chunk]);
    max = Math.max(max, layer.maxs[at]!);
  }
  return found;
}

/** An overlap is merged when what is added is a fair part of what must be rewritten, or it costs reads. */
function isWorthMerging(cluster: readonly ChunkRef[]): boolean {
  if (cluster.length < 2) return false;
  let total = 0;
  let largest = 0;
  for (const chunk of cluster) {
    total += rowsOf(chunk);
    largest = Math.max(largest, rowsOf(chunk));
  }
  if (cluster.length >= runLengthMin || total <= chunkRowsMax / 16) return true;
  return (total - largest) * runLengthMin >= largest;
}

/** Oldest first, as many as the bound allows: the rest has its turn later. */
function boundMerge(cluster: readonly ChunkRef[]): ChunkRef[] {
  const chosen: ChunkRef[] = [];
  let rows = 0;
  for (const chunk of cluster) {
    rows += rowsOf(chunk);
    if (chosen.length >= 2 && rows > mergeRowsMax) break;
    chosen.push(chunk);
  }
  return chosen;
}

/**
 * Runs of small neighbours of at most one size class, with enough of that very class: were smaller ones
 * counted too, a long chunk would be written anew for every few rows that come.
 */
function smallRuns(singles: readonly ChunkRef[], classMax: number): ChunkRef[][] {
  const runs: ChunkRef[][] = [];
  let run: ChunkRef[] = [];
  let rows = 0;
  let ofClass = 0;
  const close = () => {
    if (ofClass >= runLengthMin) runs.push(run);
    run = [];
    rows = 0;
    ofClass = 0;
  };
  for (const chunk of singles) {
    const own = rowsOf(chunk);
    const isSmall = own < smallRowsMax && sizeClass(own) <= classMax;
    if (!isSmall || rows + own > chunkRowsMax) close();
    if (!isSmall) continue;
    run.push(chunk);
    rows += own;
    if (sizeClass(own) === classMax) ofClass++;
  }
  close();
  return runs;
}

/** Groups to merge into one each; `chunks` by first offset. */
export function chooseMerges(chunks: readonly ChunkRef[]): ChunkRef[][] {
  if (chunks.length < 2) return [];
  const merges: ChunkRef[][] = [];
  const stretches: ChunkRef[][] = [[]];
  for (const cluster of clusters(chunks)) {
    if (cluster.length === 1) {
      stretches[stretches.length - 1]!.push(cluster[0]!);
      continue;
    }
    if (isWorthMerging(cluster)) merges.push(boundMerge(cluster));
    // Neighbours on both sides of a cluster are not neighbours of each other.
    stretches.push([]);
  }
  const largestClass = sizeClass(smallRowsMax);
  for (const stretch of stretches) {
    for (let classMax = 0; classMax <= largestClass; classMax++) {
      const runs = smallRuns(stretch, classMax);
      merges.push(...runs);
      if (runs.length > 0) break;
    }
  }
  return merges;
}
