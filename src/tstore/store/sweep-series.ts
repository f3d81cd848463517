/**
 * Series with no chunk in any file and no row in any memtable leave the index and the catalog, so that
 * SHOW SERIES forgets them. Needed only after something went: files, or all chunks of a series.
 */

import { cutIntoBlocks, encodeSeriesBlock } from '../catalog/series-block.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import type { ChunkDirectory } from '../partition/chunk-directory.ts';
import { loadDirectory, type PartitionFile } from '../partition/partition-file.ts';
import { isDamage, noteDamage } from './damage.ts';
import type { Pacer } from './pacer.ts';
import type { StoreState } from './store-state.ts';

async function tryLoad(
  state: StoreState,
  file: PartitionFile,
  pacer: Pacer,
): Promise<ChunkDirectory | undefined> {
  try {
    return await loadDirectory(file, state.options.readers, pacer);
  } catch (error) {
    if (!isDamage(error)) throw error;
    noteDamage(state, error);
    return undefined;
  }
}

/** 1 = the slot's series has data. Undefined = a file cannot be read, so nobody knows. */
async function findUsedSlots(
  state: StoreState,
  index: DatabaseIndex,
  pacer: Pacer,
): Promise<Uint8Array | undefined> {
  const used = new Uint8Array(index.slotCount);
  for (const set of state.partitionSets(index.dbId, undefined)) {
    for (const file of set.files) {
      const directory = await tryLoad(state, file, pacer);
      if (directory === undefined) return undefined;
      for (const layer of directory.layers) {
        for (let i = 0; i < layer.count; i++) {
          if (pacer.isDue) await pacer.breathe();
          if (directory.buried.has(layer.rowNos[i]!)) continue;
          const slot = index.slotOfId(layer.seriesIds[i]!);
          if (slot >= 0) used[slot] = 1;
        }
      }
    }
  }
  return used;
}

function isInMemory(state: StoreState, index: DatabaseIndex, slot: number): boolean {
  for (const memtable of state.memtables) {
    for (const part of memtable.parts.values()) {
      if (part.index === index && part.has(slot)) return true;
    }
  }
  return false;
}

/** Rewrites the catalog rows of which some series leave. */
async function removeSlots(
  state: StoreState,
  index: DatabaseIndex,
  gone: readonly number[],
  pacer: Pacer,
): Promise<void> {
  const blocks = new Set(gone.map((slot) => index.blockOf(slot)));
  blocks.delete(0);
  const leaving = new Set(gone);
  const stay = new Map<number, number[]>();
  for (let slot = 0; slot < index.slotCount; slot++) {
    if (pacer.isDue) await pacer.breathe();
    const block = index.blockOf(slot);
    if (!blocks.has(block) || leaving.has(slot) || !index.isLive(slot)) continue;
    const slots = stay.get(block);
    if (slots === undefined) stay.set(block, [slot]);
    else slots.push(slot);
  }
  let next = state.catalog.meta.blockNoNext;
  const put: { no: number; body: Uint8Array }[] = [];
  const moved: { slot: number; block: number }[] = [];
  for (const slots of stay.values()) {
    slots.sort((a, b) => index.idOf(a) - index.idOf(b));
    const ids = slots.map((slot) => index.idOf(slot));
    const keys = slots.map((slot) => index.keyOf(slot));
    let at = 0;
    for (const block of cutIntoBlocks(index.dbId, ids, keys)) {
      for (let i = 0; i < block.ids.length; i++) moved.push({ slot: slots[at++]!, block: next });
      put.push({ no: next++, body: encodeSeriesBlock(block) });
    }
  }
  const remove = [...blocks];
  if (remove.length > 0) {
    await state.catalog.commit([{ table: 'series', put, remove }], { blockNoNext: next });
  }
  for (const { slot, block } of moved) index.setBlock(slot, block);
  // A row may have come while the catalog was written: that series must be written there again.
  for (const slot of gone) {
    if (isInMemory(state, index, slot)) index.forgetId(slot);
    else index.remove(slot);
  }
}

async function sweepDatabase(
  state: StoreState,
  index: DatabaseIndex,
  pacer: Pacer,
): Promise<boolean> {
  const used = await findUsedSlots(state, index, pacer);
  if (used === undefined) return false;
  const gone: number[] = [];
  for (let slot = 0; slot < used.length; slot++) {
    if (pacer.isDue) await pacer.breathe();
    if (used[slot] === 1 || !index.isLive(slot) || isInMemory(state, index, slot)) continue;
    gone.push(slot);
  }
  if (gone.length > 0) await removeSlots(state, index, gone, pacer);
  return true;
}

/** False = some series could not be judged because a file cannot be read. */
export async function sweepSeries(state: StoreState, pacer: Pacer): Promise<boolean> {
  state.sweepNeeded = false;
  state.sweepUnfinished = true;
  let complete = true;
  for (const index of [...state.databases.values()]) {
    if (!(await sweepDatabase(state, index, pacer))) complete = false;
  }
  state.sweepUnfinished = !complete;
  return complete;
}
