/**
 * Tombstones go when nothing older can arrive any more, no log entry before them will be replayed, and no
 * chunk or memtable holds a cell they hide.
 */

import { joinVersions } from '../../model/versions.ts';
import type { Tombstone } from '../catalog/catalog-rows.ts';
import { changePartition } from '../partition/partition-change.ts';
import type { PartitionField } from '../partition/partition-fields.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import { droppedUpTo } from '../read/schema-fields.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';

/** What the replicas have agreed on. */
export interface Stability {
  /** Nothing with a stamp at or below it can still arrive. */
  readonly stableHlc: number;
  /** All replicas have these entries: origin -> sequence. Every entry with such a stamp is among them. */
  readonly versions: Readonly<Record<string, number>>;
}

/** Files whose range a tombstone touches. */
function filesUnder(state: StoreState, { dbId, predicate }: Tombstone): PartitionFile[] {
  const { rpId, range } = predicate;
  return state
    .partitionSets(dbId, rpId)
    .flatMap((set) => set.files)
    .filter(({ bounds }) => range.min < bounds.end && range.max >= bounds.start);
}

/** A frame with an older stamp may hold cells that it hides. */
function isInMemory(state: StoreState, { dbId, hlc, predicate }: Tombstone): boolean {
  for (const memtable of state.memtables) {
    for (const part of memtable.parts.values()) {
      if (part.dbId !== dbId) continue;
      if (predicate.rpId !== undefined && predicate.rpId !== part.rpId) continue;
      if (part.frames.some((frame) => frame.hlc <= hlc)) return true;
    }
  }
  return false;
}

function mayGo(state: StoreState, tombstone: Tombstone, stableHlc: number): boolean {
  if (tombstone.hlc > stableHlc || tombstone.no >= state.tombstoneNoSaved) return false;
  if (!state.rule.tombstonesKept) return true;
  if (tombstone.lsn > state.catalog.meta.replayFrom || isInMemory(state, tombstone)) return false;
  return filesUnder(state, tombstone).every(
    (file) => !file.exists || (file.cleanTombstoneNo >= tombstone.no && !file.unreadable),
  );
}

/** A measurement that was dropped whole has no fields in the file until it is written again. */
async function forgetFields(state: StoreState, tombstone: Tombstone, pacer: Pacer): Promise<void> {
  for (const file of filesUnder(state, tombstone)) {
    if (!file.exists || file.quarantine !== undefined) continue;
    const fields: PartitionField[] = [];
    for (const field of file.fields.all()) {
      const hlc = droppedUpTo([tombstone], field.measurement);
      if (field.hlcMax > 0 && field.hlcMax <= hlc) fields.push({ ...field, hlcMax: 0 });
    }
    if (fields.length === 0) continue;
    const change = { packed: undefined, replaced: [], fields, lsn: undefined, purge: [] };
    await changePartition(file, change, state.options.writer, pacer);
  }
}

/** True when some went. Snapshots and merges hold them all: a row that one of these hides may be on its way. */
export async function collectTombstones(
  state: StoreState,
  { stableHlc, versions }: Stability,
  pacer: Pacer,
): Promise<boolean> {
  if (state.isHeld) return false;
  const gone = [...state.tombstones.values()]
    .flat()
    .filter((tombstone) => mayGo(state, tombstone, stableHlc));
  if (gone.length === 0) return false;
  for (const tombstone of gone) await forgetFields(state, tombstone, pacer);
  const remove = gone.map(({ no }) => no);
  const gcVersions = joinVersions(state.catalog.meta.gcVersions ?? {}, versions);
  await state.catalog.commit([{ table: 'tombstones', put: [], remove }], { gcVersions });
  const numbers = new Set(remove);
  for (const [dbId, tombstones] of state.tombstones) {
    const left = tombstones.filter(({ no }) => !numbers.has(no));
    if (left.length === 0) state.tombstones.delete(dbId);
    else state.tombstones.set(dbId, left);
  }
  return true;
}
