/**
 * What must be durable in the catalog before any file may use it: ids of new series, tombstones by their
 * numbers, records of new files.
 */

import { compareBytes } from '../../base/bytes.ts';
import { sortInSlices } from '../../base/sort-in-slices.ts';
import type { TableChange } from '../catalog/catalog-file.ts';
import { encodeRecord, encodeTombstone } from '../catalog/catalog-rows.ts';
import { cutIntoBlocks, encodeSeriesBlock } from '../catalog/series-block.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import type { Memtable } from '../memtable/memtable.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import type { Pacer } from '../store/pacer.ts';
import { recordOf, type StoreState } from '../store/store-state.ts';

/** Slots without an id yet. */
export interface NewSeries {
  readonly index: DatabaseIndex;
  readonly slots: readonly number[];
}

async function findNewSeries(memtables: readonly Memtable[], pacer: Pacer): Promise<NewSeries[]> {
  const found = new Map<DatabaseIndex, Set<number>>();
  for (const memtable of memtables) {
    for (const { index, slots } of memtable.parts.values()) {
      for (const slot of slots.view()) {
        if (pacer.isDue) await pacer.breathe();
        if (index.idOf(slot) !== 0) continue;
        let set = found.get(index);
        if (set === undefined) {
          set = new Set();
          found.set(index, set);
        }
        set.add(slot);
      }
    }
  }
  return [...found].map(([index, slots]) => ({ index, slots: [...slots] }));
}

/** Keys looked at between two breaths. */
const seriesPerSlice = 2048;

interface Assigned {
  readonly index: DatabaseIndex;
  readonly slot: number;
  readonly id: number;
  readonly block: number;
}

async function planSeries(
  state: StoreState,
  found: readonly NewSeries[],
  pacer: Pacer,
): Promise<{ put: TableChange['put']; assigned: Assigned[]; idNext: number; blockNext: number }> {
  let idNext = state.catalog.meta.seriesIdNext;
  let blockNext = state.catalog.meta.blockNoNext;
  const put: { no: number; body: Uint8Array }[] = [];
  const assigned: Assigned[] = [];
  for (const { index, slots } of found) {
    await pacer.breathe();
    const compare = (a: number, b: number) => compareBytes(index.keyOf(a), index.keyOf(b));
    const sorted = await sortInSlices([...slots], compare, () => pacer.breathe());
    for (let from = 0; from < sorted.length; from += seriesPerSlice) {
      const part = sorted.slice(from, from + seriesPerSlice);
      const ids = part.map(() => idNext++);
      const keys = part.map((slot) => index.keyOf(slot));
      let at = 0;
      for (const block of cutIntoBlocks(index.dbId, ids, keys)) {
        for (const id of block.ids)
          assigned.push({ index, slot: part[at++]!, id, block: blockNext });
        put.push({ no: blockNext++, body: encodeSeriesBlock(block) });
      }
      await pacer.breathe();
    }
  }
  return { put, assigned, idNext, blockNext };
}

/**
 * Gives ids to the new series of these memtables and saves them, tombstones not yet saved, and records of
 * files that are about to be made. Nothing is written when there is nothing new.
 */
export async function saveNames(
  state: StoreState,
  memtables: readonly Memtable[],
  newFiles: readonly PartitionFile[],
  pacer: Pacer,
): Promise<void> {
  await saveSeriesAndFiles(state, await findNewSeries(memtables, pacer), newFiles, pacer);
}

/** The same for series that are in no memtable. */
export async function saveSeriesAndFiles(
  state: StoreState,
  newSeries: readonly NewSeries[],
  newFiles: readonly PartitionFile[],
  pacer: Pacer,
): Promise<void> {
  const { catalog } = state;
  const series = await planSeries(state, newSeries, pacer);
  const tombstoneNoNext = state.tombstoneNoNext;
  const tombstones = [...state.tombstones.values()]
    .flat()
    .filter(({ no }) => no >= state.tombstoneNoSaved)
    .map((tombstone) => ({ no: tombstone.no, body: encodeTombstone(tombstone) }));
  const files = newFiles.map((file) => ({
    no: file.meta.fileId,
    body: encodeRecord(recordOf(file)),
  }));
  if (series.put.length + tombstones.length + files.length === 0) return;
  await catalog.commit(
    [
      { table: 'series', put: series.put, remove: [] },
      { table: 'tombstones', put: tombstones, remove: [] },
      { table: 'files', put: files, remove: [] },
    ],
    {
      seriesIdNext: series.idNext,
      blockNoNext: series.blockNext,
      tombstoneNoNext,
      fileIdNext: Math.max(
        catalog.meta.fileIdNext,
        ...newFiles.map((file) => file.meta.fileId + 1),
      ),
    },
  );
  state.tombstoneNoSaved = tombstoneNoNext;
  for (const { index, slot, id, block } of series.assigned) {
    index.giveId(slot, id, block);
    if (pacer.isDue) await pacer.breathe();
  }
}
