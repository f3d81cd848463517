/** Files that were set aside as damaged leave once what they held is elsewhere: to the trash, then for good. */

import { CitadelError } from '../../base/errors.ts';
import type { KvFile } from '../file/kv-file.ts';
import type { StoreState } from './store-state.ts';
import { commit } from './write-file.ts';

/** `trash/<wall ms when moved>-<number of the file>.db` under the shard's directory. */
function trashPath({ options }: StoreState, no: number): string {
  return `${options.directory}/trash/${Math.floor(options.env.clock.wallMs())}-${no}.db`;
}

/** The record that they are still read goes first: a move cut short leaves a file that nobody asks. */
export async function retireOlder(state: StoreState, files: readonly KvFile[]): Promise<void> {
  const gone = new Set(files);
  const leaving = state.older.filter((file) => gone.has(file));
  if (leaving.length === 0) return;
  const kept = state.older.filter((file) => !gone.has(file));
  await commit(state, [], { older: kept.map(({ no }) => no) });
  state.older = kept;
  state.faults.length = 0;
  const { readers, writer } = state.options;
  for (const { no, path } of leaving) {
    readers.forget(path);
    await writer.run({ kind: 'move', from: path, to: trashPath(state, no) });
  }
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
