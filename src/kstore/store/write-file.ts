/**
 * One transaction on the file of a store. The meta row goes with every one; what is in memory follows when
 * it is durable. A file that is found damaged is left as it is for reading what is sound; a successor takes
 * the rows.
 */

import { CitadelError } from '../../base/errors.ts';
import type { StatementBatch } from '../../sqlite/job.ts';
import { KvFile } from '../file/kv-file.ts';
import { type KvMeta, kvSchema, putMeta, putNumbered } from '../file/kv-schema.ts';
import type { RowBatch } from '../file/row-batch.ts';
import type { StoreState } from './store-state.ts';

export type MetaChange = Partial<
  Pick<KvMeta, 'replayFrom' | 'versions' | 'hlcMax' | 'gcVersions' | 'older'>
>;

/** @throws CitadelError `corrupt`, `disk-full`, `cancelled`, `unavailable` */
export async function commit(
  state: StoreState,
  batches: readonly StatementBatch[],
  change: MetaChange,
): Promise<void> {
  const { file, tables } = state;
  const newTables = tables.unsaved();
  const meta: KvMeta = {
    ...file.meta,
    ...change,
    rowHlcMax: file.rowHlcMax,
    tableNoNext: tables.next,
    generation: file.meta.generation + 1,
  };
  const names = newTables.length === 0 ? [] : [putNumbered('tables', newTables)];
  await state.options.writer.run({
    kind: 'write',
    file: file.path,
    schema: kvSchema,
    batches: [...names, ...batches, putMeta(meta)],
    checkpoint: true,
  });
  file.meta = meta;
  tables.saved(newTables);
}

/** A new file in place of the damaged one, with its positions and all names. */
async function startSuccessor(state: StoreState): Promise<void> {
  const { file, options, tables } = state;
  const no = file.no + 1;
  const older = [file.no, ...state.older.map((one) => one.no)];
  const meta: KvMeta = { ...file.meta, older, rowHlcMax: 0, generation: 1 };
  const rows = tables.everyRow();
  const batches = rows.length === 0 ? [] : [putNumbered('tables', rows)];
  const path = state.pathOf(no);
  await options.writer.run({
    kind: 'write',
    file: path,
    schema: kvSchema,
    batches: [...batches, putMeta(meta)],
    checkpoint: true,
  });
  tables.saved(rows);
  state.older = [file, ...state.older];
  state.file = new KvFile(no, path, meta);
  state.isDamaged = false;
}

export async function ensureSound(state: StoreState): Promise<void> {
  if (state.isDamaged) await startSuccessor(state);
}

/**
 * Stores rows, durably when it resolves. Rows show before anything else of the work they are part of is done: a
 * row is true by itself.
 */
export async function writeRows(
  state: StoreState,
  batch: RowBatch,
  change: MetaChange,
): Promise<void> {
  await ensureSound(state);
  state.file.rowHlcMax = Math.max(state.file.rowHlcMax, batch.hlcMax);
  try {
    await commit(state, batch.take(), change);
  } catch (error) {
    // The rows went with the message: the caller's work fails, and its next attempt meets the successor.
    if (error instanceof CitadelError && error.code === 'corrupt') state.noteDamage(error);
    throw error;
  }
}
