/**
 * Writes a catalog anew that was found damaged on disk: everything in it is in memory as well. Only while nothing else
 * changes files.
 */

import type { CatalogRow } from '../catalog/catalog-file.ts';
import { encodeRecord, encodeTombstone } from '../catalog/catalog-rows.ts';
import { encodeSeriesBlock } from '../catalog/series-block.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import type { Pacer } from './pacer.ts';
import { recordOf, type StoreState } from './store-state.ts';

/** Series by the rows they are in now. */
async function blocksOf(index: DatabaseIndex, pacer: Pacer): Promise<CatalogRow[]> {
  const slotsOf = new Map<number, number[]>();
  for (let slot = 0; slot < index.slotCount; slot++) {
    const block = index.blockOf(slot);
    if (pacer.isDue) await pacer.breathe();
    if (block === 0 || !index.isLive(slot)) continue;
    const slots = slotsOf.get(block);
    if (slots === undefined) slotsOf.set(block, [slot]);
    else slots.push(slot);
  }
  const rows: CatalogRow[] = [];
  for (const [no, slots] of slotsOf) {
    slots.sort((a, b) => index.idOf(a) - index.idOf(b));
    const ids = slots.map((slot) => index.idOf(slot));
    const keys = slots.map((slot) => index.keyOf(slot));
    rows.push({ no, body: encodeSeriesBlock({ dbId: index.dbId, ids, keys }) });
    if (pacer.isDue) await pacer.breathe();
  }
  return rows;
}

/** Their numbers mean nothing; the lsn of each was only of use in its own time. */
function dropsOf(state: StoreState): CatalogRow[] {
  return [...state.droppedSaved].map((name, i) => {
    const [dbId = '', rpId = ''] = name.split('/');
    const lsn = state.catalog.meta.replayFrom;
    return { no: i + 1, body: encodeRecord({ dbId, rpId, lsn }) };
  });
}

/** Durable when it resolves. Errors: `disk-full`, `unavailable`, `cancelled`: the damaged one is then still there. */
export async function rewriteCatalog(state: StoreState, pacer: Pacer): Promise<void> {
  const { catalog, options } = state;
  const series: CatalogRow[] = [];
  for (const index of state.databases.values()) series.push(...(await blocksOf(index, pacer)));
  const tombstones = [...state.tombstones.values()]
    .flat()
    .filter(({ no }) => no < state.tombstoneNoSaved)
    .map((tombstone) => ({ no: tombstone.no, body: encodeTombstone(tombstone) }));
  const files = [...state.files(), ...state.doomed].map((file) => {
    return { no: file.meta.fileId, body: encodeRecord(recordOf(file)) };
  });
  const setAside = `${options.directory}/trash/${Math.floor(options.env.clock.wallMs())}-0.db`;
  await catalog.rewrite({ series, tombstones, files, drops: dropsOf(state) }, setAside);
  options.env.log.warn('damaged catalog written anew', {
    shard: options.shard,
    file: catalog.path,
  });
}
