/**
 * Makes everything applied so far durable in files: names first, then the partition files, each with its
 * position in the transaction of its data, then the catalog's positions; only then memory is let go.
 */

import { CitadelError } from '../../base/errors.ts';
import type { FlushOptions } from '../../model/store-engine.ts';
import { joinVersions } from '../../model/versions.ts';
import { encodeRecord } from '../catalog/catalog-rows.ts';
import { Memtable } from '../memtable/memtable.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import { isDamage, quarantine } from '../store/damage.ts';
import { Pacer } from '../store/pacer.ts';
import { recordOf, type StoreState } from '../store/store-state.ts';
import { flushFile } from './flush-file.ts';
import { FileNumbers, makePartition } from './new-partition.ts';
import { type FileTask, planFlush } from './plan-flush.ts';
import { saveNames } from './save-names.ts';

/** From here on new frames go to a new memtable. */
export function freeze(state: StoreState): void {
  state.frozen = [...state.frozen, state.active];
  const { lastLsn } = state.active;
  state.active = new Memtable();
  state.active.lastLsn = lastLsn;
  state.slabs.startAnew();
}

/**
 * A damaged file is left as it is for reading what is sound; a successor takes the rows. That also holds where the damage
 * was found meanwhile: a merge that began before may do away with the file, and knows nothing of these rows.
 */
export async function flushTask(
  state: StoreState,
  task: FileTask,
  options: { readonly stableHlc: number; readonly lsn: number },
  pacer: Pacer,
): Promise<PartitionFile[]> {
  try {
    if (task.file.quarantine === undefined) await flushFile(state, task, options, pacer);
    if (task.file.quarantine === undefined) return [task.file];
  } catch (error) {
    if (!isDamage(error) || !task.file.exists) throw error;
    quarantine(state, task.file, error);
  }
  const { set, file } = task;
  const successor = makePartition(state, set, file.bounds, new FileNumbers(state).take());
  await saveNames(state, [], [successor], pacer);
  await flushFile(state, { ...task, file: successor }, options, pacer);
  return [file, successor];
}

/** Call `freeze` first, in the same turn as the positions in `options` were taken. */
export async function flushFrozen(state: StoreState, options: FlushOptions): Promise<void> {
  const memtables = state.frozen;
  const lsn = Math.max(
    state.catalog.meta.replayFrom,
    ...memtables.map((memtable) => memtable.lastLsn),
  );
  const pacer = new Pacer(state.options.env);
  const tasks = await planFlush(state, memtables, pacer);
  const newFiles = tasks.map(({ file }) => file).filter((file) => !file.exists);
  await saveNames(state, memtables, newFiles, pacer);
  const changed = new Set<PartitionFile>();
  for (const task of tasks) {
    if (options.signal?.aborted) throw new CitadelError('cancelled', 'the flush was ended');
    const files = await flushTask(state, task, { stableHlc: options.stableHlc, lsn }, pacer);
    for (const file of files) changed.add(file);
  }
  await savePositions(state, options, lsn, changed);
  state.frozen = state.frozen.filter((memtable) => !memtables.includes(memtable));
}

async function savePositions(
  state: StoreState,
  options: FlushOptions,
  lsn: number,
  changed: ReadonlySet<PartitionFile>,
): Promise<void> {
  const { catalog } = state;
  const quarantined = [...state.files()].filter(
    (file) => file.quarantine !== undefined && !file.quarantineSaved,
  );
  const put = [...new Set([...changed, ...quarantined])].map((file) => ({
    no: file.meta.fileId,
    body: encodeRecord(recordOf(file)),
  }));
  const { meta } = catalog;
  const isNews = put.length > 0 || lsn !== meta.replayFrom || options.hlcMax !== meta.hlcMax;
  if (!isNews) return;
  await catalog.commit([{ table: 'files', put, remove: [] }], {
    replayFrom: lsn,
    // A merge that ended since the call may have brought more.
    versions: joinVersions(meta.versions, options.versions),
    hlcMax: Math.max(meta.hlcMax, options.hlcMax),
  });
  for (const file of quarantined) file.quarantineSaved = true;
}
