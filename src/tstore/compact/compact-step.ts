/**
 * One bounded step of background work: apply tombstones and merge small or overlapping chunks of one file;
 * when nothing of that is left, purge replaced rows, collect tombstones, let go of empty files and series.
 */

import { saveNames } from '../flush/save-names.ts';
import { changePartition } from '../partition/partition-change.ts';
import { loadDirectory, type PartitionFile } from '../partition/partition-file.ts';
import type { PartitionSet } from '../partition/partition-set.ts';
import { isDamage, quarantine } from '../store/damage.ts';
import type { Pacer } from '../store/pacer.ts';
import { retireFiles } from '../store/retire-files.ts';
import type { StoreState } from '../store/store-state.ts';
import { sweepSeries } from '../store/sweep-series.ts';
import { collectTombstones, type Stability } from './collect-tombstones.ts';
import { findWork } from './find-work.ts';
import { rewriteChunks } from './rewrite.ts';

function isSettled(state: StoreState, file: PartitionFile): boolean {
  if (!file.exists || file.quarantine !== undefined) return true;
  if (file.settledGeneration !== file.meta.generation) return false;
  const tombstones = state.tombstonesOf(file.meta.dbId);
  return tombstones.every(({ no }) => no <= file.cleanTombstoneNo || no >= state.tombstoneNoSaved);
}

async function compactFile(
  state: StoreState,
  set: PartitionSet,
  file: PartitionFile,
  stableHlc: number,
  pacer: Pacer,
): Promise<boolean> {
  for (const other of set.files) {
    const isBeside = other.bounds.start === file.bounds.start && other.unreadable === undefined;
    if (isBeside) await loadDirectory(other, state.options.readers, pacer);
  }
  const index = state.database(set.dbId);
  const { groups, complete, tombstoneNo } = await findWork(state, set, file, index, pacer);
  if (groups.length === 0) {
    if (state.rule.tombstonesApplied) file.cleanTombstoneNo = tombstoneNo;
    file.settledGeneration = file.meta.generation;
    return false;
  }
  await rewriteChunks(state, { file, set, index, groups }, stableHlc, pacer);
  // Merged chunks may be worth another merge, so a file is settled only when a look finds nothing.
  return complete || groups.length > 0;
}

/** A damaged file is set aside and named; the others go on. */
async function tryCompactFile(
  state: StoreState,
  set: PartitionSet,
  file: PartitionFile,
  stableHlc: number,
  pacer: Pacer,
): Promise<boolean> {
  try {
    return await compactFile(state, set, file, stableHlc, pacer);
  } catch (error) {
    if (!isDamage(error)) throw error;
    quarantine(state, file, error);
    return false;
  }
}

async function purgeGarbage(state: StoreState, pacer: Pacer): Promise<boolean> {
  for (const file of state.files()) {
    if (file.garbage.length === 0 || file.pins > 0 || file.quarantine !== undefined) continue;
    const purge = file.garbage;
    const change = { packed: undefined, replaced: [], fields: [], lsn: undefined, purge };
    await changePartition(file, change, state.options.writer, pacer);
    file.settledGeneration = file.meta.generation;
    return true;
  }
  return false;
}

/** A file without chunks goes once no replay could fill it again. */
async function retireEmptyFiles(state: StoreState): Promise<boolean> {
  const { replayFrom } = state.catalog.meta;
  const empty = [...state.files()].filter(
    (file) =>
      file.exists &&
      file.quarantine === undefined &&
      file.meta.rows.count === 0 &&
      file.meta.lsn <= replayFrom,
  );
  await retireFiles(state, empty);
  return empty.length > 0;
}

/** True when something was done. Errors: `disk-full`, `cancelled`. */
export async function compactOnce(
  state: StoreState,
  stability: Stability,
  pacer: Pacer,
): Promise<boolean> {
  const { stableHlc } = stability;
  if (state.tombstoneNoSaved < state.tombstoneNoNext) await saveNames(state, [], [], pacer);
  for (const set of state.partitions.values()) {
    for (const file of set.files) {
      if (isSettled(state, file)) continue;
      if (await tryCompactFile(state, set, file, stableHlc, pacer)) return true;
    }
  }
  if (await purgeGarbage(state, pacer)) return true;
  if (await collectTombstones(state, stability, pacer)) return true;
  if (await retireEmptyFiles(state)) return true;
  if (!state.sweepNeeded || state.isHeld) return false;
  await sweepSeries(state, pacer);
  return false;
}
