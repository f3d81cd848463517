/**
 * What a scan sees of one policy of one store: memtables up to a count of segments, directories as they
 * were, tombstones as they were. While it is held, replaced rows and dropped files stay readable.
 */

import type { TimeRange } from '../../model/time.ts';
import type { Tombstone } from '../catalog/catalog-rows.ts';
import type { MemtablePart } from '../memtable/memtable.ts';
import { tombstonesWithin } from '../merge/hidings.ts';
import type { ChunkDirectory } from '../partition/chunk-directory.ts';
import type { Bounds } from '../partition/partition-bounds.ts';
import { loadDirectory, type PartitionFile } from '../partition/partition-file.ts';
import type { Pacer } from './pacer.ts';
import type { StoreState } from './store-state.ts';

export interface PartView {
  readonly part: MemtablePart;
  /** Segments at or above it came later. */
  readonly limit: number;
}

export interface FileView {
  readonly file: PartitionFile;
  readonly directory: ChunkDirectory;
}

/** One stretch of time, at most 91 days: a file (or a damaged one and its successor), or rows in memory only. */
export interface PartitionView {
  readonly bounds: Bounds;
  readonly files: readonly FileView[];
  /** Entries up to here are in the files. */
  readonly lsn: number;
  readonly tombstones: readonly Tombstone[];
}

export interface StoreView {
  readonly state: StoreState;
  readonly parts: readonly PartView[];
  /** By time, not overlapping. */
  readonly partitions: readonly PartitionView[];
  release(): void;
}

/** Longest stretch without a file, ns: offsets stay exact. */
const gapMax = 91n * 86_400_000_000_000n;

/** Pieces of [from, until) that no file covers. */
function* cutGap(from: bigint, until: bigint): Generator<Bounds> {
  for (let start = from; start < until; start += gapMax) {
    yield { start, end: start + gapMax < until ? start + gapMax : until };
  }
}

function partsOf(state: StoreState, dbId: string, rpId: string): PartView[] {
  const found: PartView[] = [];
  for (const memtable of state.memtables) {
    const part = memtable.parts.get(`${dbId}/${rpId}`);
    if (part !== undefined) found.push({ part, limit: part.segmentCount });
  }
  return found;
}

function groupByBounds(files: readonly PartitionFile[]): PartitionFile[][] {
  const groups: PartitionFile[][] = [];
  for (const file of files) {
    const group = groups[groups.length - 1];
    if (group !== undefined && file.bounds.start < group[0]!.bounds.end) group.push(file);
    else groups.push([file]);
  }
  return groups;
}

interface Stretch {
  readonly bounds: Bounds;
  readonly files: readonly PartitionFile[];
}

/** Files and the gaps between them that touch the range; gaps only where memtables have rows. */
function stretchesOf(
  files: readonly PartitionFile[],
  parts: readonly PartView[],
  range: TimeRange,
): Stretch[] {
  let memMin = range.max + 1n;
  let memMax = range.min - 1n;
  for (const { part } of parts) {
    if (part.minTime < memMin) memMin = part.minTime;
    if (part.maxTime > memMax) memMax = part.maxTime;
  }
  if (memMin < range.min) memMin = range.min;
  if (memMax > range.max) memMax = range.max;
  const stretches: Stretch[] = [];
  let at = memMin;
  const fill = (until: bigint) => {
    for (const bounds of cutGap(at, until)) stretches.push({ bounds, files: [] });
  };
  for (const group of groupByBounds(files)) {
    const { bounds } = group[0]!;
    if (bounds.start > memMax + 1n) fill(memMax + 1n);
    else fill(bounds.start);
    if (at < bounds.end) at = bounds.end;
    if (bounds.start > range.max || bounds.end <= range.min) continue;
    stretches.push({ bounds, files: group });
  }
  fill(memMax + 1n);
  return stretches;
}

async function viewStretch(
  state: StoreState,
  { bounds, files }: Stretch,
  tombstones: readonly Tombstone[],
  pacer: Pacer,
): Promise<PartitionView> {
  const { readers } = state.options;
  // Loading waits, and meanwhile a directory may be let go again. What is then taken, directories and
  // positions, belongs together because nothing waits in between.
  while (files.some((file) => file.directory === undefined)) {
    for (const file of files) await loadDirectory(file, readers, pacer);
  }
  for (const file of files) if (file.unreadable !== undefined) throw file.unreadable;
  const views = files.map((file) => ({ file, directory: file.directory! }));
  const lsn = state.rule.positions ? Math.max(0, ...files.map((file) => file.meta.lsn)) : 0;
  return { bounds, files: views, lsn, tombstones };
}

/** Errors: `corrupt` when a file in the range cannot be read at all. */
export async function openView(
  state: StoreState,
  policy: { readonly dbId: string; readonly rpId: string; readonly range: TimeRange },
  pacer: Pacer,
): Promise<StoreView> {
  const { dbId, rpId, range } = policy;
  const set = state.partitions.get(`${dbId}/${rpId}`);
  // Memtables first: what a flush moves to files meanwhile is then seen twice, which merges to the same.
  const parts = partsOf(state, dbId, rpId);
  const files = set?.files ?? [];
  const stretches = stretchesOf(files, parts, range);
  const pinned = stretches.flatMap((stretch) => stretch.files);
  for (const file of pinned) file.pins++;
  let held = true;
  const release = () => {
    if (!held) return;
    held = false;
    for (const file of pinned) file.pins--;
  };
  try {
    const tombstones = state.tombstonesOf(dbId);
    const partitions: PartitionView[] = [];
    for (const stretch of stretches) {
      // Rows scattered over centuries make thousands of stretches.
      if (pacer.isDue) await pacer.breathe();
      const near = tombstonesWithin(tombstones, rpId, stretch.bounds);
      partitions.push(await viewStretch(state, stretch, near, pacer));
    }
    return { state, parts, partitions, release };
  } catch (error) {
    release();
    throw error;
  }
}
