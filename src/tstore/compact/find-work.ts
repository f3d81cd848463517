/** Finds, in one file, chunks that compaction should write anew: bounded in amount, series by series. */

import { decodeSeriesKey } from '../../model/series-key.ts';
import type { Tombstone } from '../catalog/catalog-rows.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import { hidingsOf, tombstonesWithin } from '../merge/hidings.ts';
import type { ChunkRef } from '../partition/chunk-directory.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import type { PartitionSet } from '../partition/partition-set.ts';
import { seriesIdsOf } from '../partition/series-walk.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { chooseMerges } from './choose-merges.ts';
import type { MergeGroup } from './rewrite.ts';

/** A step ends when it has this much to rewrite: about 20 ms of encoding, a few MiB. */
const stepRowsMax = 262_144;
const stepChunksMax = 4096;

/** Chunks of the series with cells that some of the tombstones may hide. */
function findHidden(
  state: StoreState,
  file: PartitionFile,
  tombstones: readonly Tombstone[],
  chunks: readonly ChunkRef[],
  key: Uint8Array,
): ChunkRef[] {
  const hidings = hidingsOf(tombstones, decodeSeriesKey(key), file.bounds, state.origins);
  if (hidings.length === 0) return [];
  return chunks.filter(({ layer, at }) =>
    hidings.some(
      ({ no, hlc, minOffset, maxOffset }) =>
        no > layer.tombstoneNos[at]! &&
        minOffset <= layer.maxs[at]! &&
        maxOffset >= layer.mins[at]! &&
        hlc >= layer.hlcMins[at]!,
    ),
  );
}

function groupsOf(seriesId: number, chunks: ChunkRef[], hidden: readonly ChunkRef[]): MergeGroup[] {
  const groups: MergeGroup[] = chooseMerges(chunks).map((merge) => ({ seriesId, chunks: merge }));
  const merged = new Set(groups.flatMap((group) => group.chunks));
  for (const chunk of hidden) {
    if (!merged.has(chunk)) groups.push({ seriesId, chunks: [chunk] });
  }
  return groups;
}

export interface FoundWork {
  readonly groups: readonly MergeGroup[];
  /** The whole file was looked at. */
  readonly complete: boolean;
  /** Tombstones up to this number were looked for. */
  readonly tombstoneNo: number;
}

/** The directory must be loaded. */
export async function findWork(
  state: StoreState,
  set: PartitionSet,
  file: PartitionFile,
  index: DatabaseIndex,
  pacer: Pacer,
): Promise<FoundWork> {
  const tombstoneNo = state.tombstoneNoSaved - 1;
  const tombstones = state.rule.tombstonesApplied
    ? tombstonesWithin(state.tombstonesOf(set.dbId), set.rpId, file.bounds).filter(
        ({ no }) => no <= tombstoneNo && no > file.cleanTombstoneNo,
      )
    : [];
  const span = Number(file.bounds.end - file.bounds.start);
  const directory = file.directory!;
  const groups: MergeGroup[] = [];
  let rows = 0;
  let count = 0;
  for (const seriesId of seriesIdsOf(directory)) {
    if (pacer.isDue) await pacer.breathe();
    const chunks = directory.find(seriesId, 0, span);
    const slot = tombstones.length === 0 ? -1 : index.slotOfId(seriesId);
    const hidden = slot < 0 ? [] : findHidden(state, file, tombstones, chunks, index.keyOf(slot));
    for (const group of groupsOf(seriesId, chunks, hidden)) {
      groups.push(group);
      count += group.chunks.length;
      for (const { layer, at } of group.chunks) rows += layer.pointCounts[at]!;
    }
    if (rows >= stepRowsMax || count >= stepChunksMax) {
      return { groups, complete: false, tombstoneNo };
    }
  }
  return { groups, complete: true, tombstoneNo };
}
