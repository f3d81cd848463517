/**
 * Takes partition files out of a store: marked in the catalog as leaving, moved to the trash once no scan
 * sees them, then forgotten. Cut short at any point, it is finished at the next open.
 */

import { CitadelError } from '../../base/errors.ts';
import { encodeRecord, type FileRecord } from '../catalog/catalog-rows.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import { recordOf, type StoreState } from './store-state.ts';

/** `trash/<wall ms when moved>-<number of the file>.db` under the shard's directory. */
function trashPath(state: StoreState, fileId: number): string {
  const { directory, env } = state.options;
  return `${directory}/trash/${Math.floor(env.clock.wallMs())}-${fileId}.db`;
}

/** No new scan sees the files from here on. */
export async function retireFiles(
  state: StoreState,
  files: readonly PartitionFile[],
): Promise<void> {
  if (files.length === 0) return;
  for (const file of files) {
    file.doomed = true;
    state.partitions.get(`${file.meta.dbId}/${file.meta.rpId}`)?.remove(file);
  }
  const put = files.map((file) => ({ no: file.meta.fileId, body: encodeRecord(recordOf(file)) }));
  await state.catalog.commit([{ table: 'files', put, remove: [] }], {});
  state.doomed.push(...files);
  state.sweepNeeded = true;
  await moveDoomed(state);
}

/** Moves those that no scan sees any more; the others wait for the next call. */
export async function moveDoomed(state: StoreState): Promise<boolean> {
  const free = state.doomed.filter((file) => file.pins === 0);
  if (free.length === 0) return false;
  await finishLeaving(state, free.map(recordOf));
  for (const file of free) state.doomed.splice(state.doomed.indexOf(file), 1);
  return true;
}

export async function finishLeaving(
  state: StoreState,
  records: readonly FileRecord[],
): Promise<void> {
  if (records.length === 0) return;
  const { readers, writer } = state.options;
  for (const { path, fileId } of records) {
    readers.forget(path);
    await writer.run({ kind: 'move', from: path, to: trashPath(state, fileId) });
  }
  const remove = records.map(({ fileId }) => fileId);
  await state.catalog.commit([{ table: 'files', put: [], remove }], {});
}

/** Removes what was moved to the trash at or before a wall time, ms. */
export async function emptyTrash(state: StoreState, movedBeforeMs: number): Promise<void> {
  const { directory, disk, writer } = state.options;
  let names: string[];
  try {
    names = await disk.list(`${directory}/trash`);
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return;
    throw error;
  }
  for (const name of names) {
    const moved = /^(\d+)-\d+\.db$/.exec(name);
    if (moved === null || Number(moved[1]) > movedBeforeMs) continue;
    await writer.run({ kind: 'remove', path: `${directory}/trash/${name}` });
  }
}
