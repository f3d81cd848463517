/** Reads and checks everything a store has on disk. */

import { CitadelError } from '../../base/errors.ts';
import type { SqliteReaders } from '../../sqlite/sqlite.ts';
import { openChunk } from '../chunk/chunk.ts';
import {
  loadDirectory,
  openPartition,
  type PartitionFile,
  readRow,
} from '../partition/partition-file.ts';
import { damaged, partitionTable } from '../partition/partition-schema.ts';
import {
  addToDigest,
  type Digest,
  emptyDigest,
  equalDigests,
  rowSum,
} from '../partition/row-digest.ts';
import { quarantine } from '../store/damage.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';

const rowsPerRead = 256;

/**
 * Every row of the directory as it is on disk, and that none is missing; what is in memory stays as it is. A change
 * meanwhile makes the count of rows uncertain: the rows are checked all the same. Errors: `corrupt`, and what `pause` throws.
 */
export async function checkDirectory(
  file: PartitionFile,
  readers: SqliteReaders,
  pause: (bytes: number) => Promise<void>,
): Promise<void> {
  const sql = `SELECT no, entries, sum FROM rows WHERE no > ? ORDER BY no LIMIT ${rowsPerRead}`;
  const { generation } = file.meta;
  let digest: Digest = emptyDigest;
  for (let last = -1; ; ) {
    const rows = readers.reader(file.path).all(sql, [last]);
    let bytes = 0;
    for (const [no, entries, sum] of rows) {
      const isSound =
        entries instanceof Uint8Array && rowSum(partitionTable.rows, no as number, entries) === sum;
      if (!isSound) throw damaged(file.path, `directory row ${no}`);
      digest = addToDigest(digest, sum as number);
      bytes += entries.length;
      last = no as number;
    }
    await pause(bytes);
    if (rows.length < rowsPerRead) break;
  }
  const isUnchanged = file.meta.generation === generation;
  if (isUnchanged && !equalDigests(digest, file.meta.rows)) {
    throw damaged(file.path, 'directory of rows');
  }
}

/** Only while nothing else changes files. Errors: `corrupt`, `cancelled`. */
export async function verifyFile(
  state: StoreState,
  file: PartitionFile,
  pacer: Pacer,
): Promise<void> {
  const { readers } = state.options;
  const directory = await loadDirectory(file, readers, pacer);
  const generation = file.meta.generation;
  const now = openPartition(file.path, readers).meta;
  if (now.generation !== generation || now.lsn !== file.meta.lsn) {
    throw new CitadelError('corrupt', `cannot read ${file.path} at meta row: it changed by itself`);
  }
  await checkDirectory(file, readers, () => pacer.breathe());
  for (const layer of directory.layers) {
    for (let i = 0; i < layer.count; i++) {
      const no = layer.rowNos[i]!;
      if (directory.buried.has(no)) continue;
      const bytes = readRow(file, no, layer.dataSums[i]!, readers);
      openChunk(bytes.subarray(layer.starts[i]!, layer.starts[i]! + layer.sizes[i]!));
      await pacer.breathe();
    }
  }
  const [fault] = readers.reader(file.path).integrityFaults();
  if (fault !== undefined) {
    throw new CitadelError('corrupt', `cannot read ${file.path} at ${fault}`);
  }
}

/** Faults found now, also added to the store's. Errors: `cancelled`. */
export async function verifyStore(state: StoreState, pacer: Pacer): Promise<readonly string[]> {
  const found: string[] = [];
  const note = (error: unknown): CitadelError => {
    if (!(error instanceof CitadelError) || error.code === 'cancelled') throw error;
    found.push(error.message);
    state.addFault(error.message);
    return error;
  };
  for (const file of [...state.files()]) {
    if (!file.exists) continue;
    try {
      await verifyFile(state, file, pacer);
    } catch (error) {
      quarantine(state, file, note(error));
    }
  }
  try {
    const [fault] = state.options.readers.reader(state.catalog.path).integrityFaults();
    if (fault !== undefined) {
      throw new CitadelError('corrupt', `cannot read ${state.catalog.path} at ${fault}`);
    }
    await state.catalog.verify(pacer);
  } catch (error) {
    note(error);
  }
  return found;
}
