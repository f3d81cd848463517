/**
 * Reads and checks what a store has on disk, slowly and beside everything else: flushes and compactions go on.
 *
 * A look that met a change halfway can be wrong, so what it finds is looked at again while nothing changes.
 * SQLite's own look at a whole file would block for too long: every row has a checksum of ours.
 */

import { CitadelError } from '../../base/errors.ts';
import { openChunk } from '../chunk/chunk.ts';
import type { ScrubOptions } from '../contract.ts';
import type { ChunkDirectory } from '../partition/chunk-directory.ts';
import {
  loadDirectory,
  namingRow,
  openPartition,
  type PartitionFile,
  readRow,
} from '../partition/partition-file.ts';
import { damaged, partitionTable } from '../partition/partition-schema.ts';
import { rowSum } from '../partition/row-digest.ts';
import { isDamage, quarantine } from '../store/damage.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { verifyFile } from './verify-store.ts';

const rowsPerRead = 256;

/** Keeps reading within bytes a second, judged over the whole scrub. */
class Budget {
  private readonly state: StoreState;
  private readonly options: ScrubOptions;
  private readonly pacer: Pacer;
  private readonly started: number;
  private bytes = 0;

  constructor(state: StoreState, options: ScrubOptions) {
    const { env } = state.options;
    this.state = state;
    this.options = options;
    this.pacer = new Pacer(env, options.signal);
    this.started = env.clock.monotonicMs();
  }

  /** Errors: `cancelled`. */
  async spend(bytes: number): Promise<void> {
    const { clock, timers } = this.state.options.env;
    this.bytes += bytes;
    const dueMs = (this.bytes / this.options.bytesPerSecond) * 1000;
    const aheadMs = dueMs - (clock.monotonicMs() - this.started);
    if (aheadMs > 20) await timers.sleep(aheadMs, this.options.signal);
    else await this.pacer.breathe();
    this.pacer.check();
    this.state.checkOpen();
  }

  get pace(): Pacer {
    return this.pacer;
  }
}

async function scrubDirectory(
  state: StoreState,
  file: PartitionFile,
  budget: Budget,
): Promise<void> {
  const sql = `SELECT no, entries, sum FROM rows WHERE no > ? ORDER BY no LIMIT ${rowsPerRead}`;
  for (let last = -1; ; ) {
    const rows = state.options.readers.reader(file.path).all(sql, [last]);
    let bytes = 0;
    for (const [no, entries, sum] of rows) {
      const isSound =
        entries instanceof Uint8Array && rowSum(partitionTable.rows, no as number, entries) === sum;
      if (!isSound) throw damaged(file.path, `directory row ${no}`);
      bytes += entries.length;
      last = no as number;
    }
    await budget.spend(bytes);
    if (rows.length < rowsPerRead) return;
  }
}

async function scrubRows(
  state: StoreState,
  file: PartitionFile,
  directory: ChunkDirectory,
  budget: Budget,
): Promise<void> {
  for (const layer of directory.layers) {
    let no = -1;
    let bytes = new Uint8Array(0);
    for (let i = 0; i < layer.count; i++) {
      if (directory.buried.has(layer.rowNos[i]!)) continue;
      if (layer.rowNos[i] !== no) {
        no = layer.rowNos[i]!;
        bytes = readRow(file, no, layer.dataSums[i]!, state.options.readers).slice();
        await budget.spend(bytes.length);
      }
      const start = layer.starts[i]!;
      namingRow(file, no, () => openChunk(bytes.subarray(start, start + layer.sizes[i]!)));
    }
  }
}

/** Rows that the directory has when it is taken stay readable while the file is pinned. */
async function scrubFile(state: StoreState, file: PartitionFile, budget: Budget): Promise<void> {
  file.pins++;
  try {
    openPartition(file.path, state.options.readers);
    const directory = await loadDirectory(file, state.options.readers, budget.pace);
    await scrubDirectory(state, file, budget);
    await scrubRows(state, file, directory, budget);
  } finally {
    file.pins--;
  }
}

/** What was found, also added to the store's faults. Errors: `cancelled`. */
export async function scrubStore(
  state: StoreState,
  options: ScrubOptions,
  alone: (work: () => Promise<void>) => Promise<void>,
): Promise<readonly string[]> {
  const budget = new Budget(state, options);
  const found: string[] = [];
  for (const file of [...state.files()]) {
    if (!file.exists || file.doomed || file.quarantine !== undefined) continue;
    try {
      await scrubFile(state, file, budget);
    } catch (error) {
      if (!isDamage(error)) throw error;
      await alone(async () => {
        if (file.doomed) return;
        const fault = await confirmDamage(
          state,
          file,
          new Pacer(state.options.env, options.signal),
        );
        if (fault === undefined) return;
        quarantine(state, file, fault);
        found.push(fault.message);
      });
    }
  }
  await alone(async () => {
    try {
      await state.catalog.verify(budget.pace);
    } catch (error) {
      if (!isDamage(error)) throw error;
      found.push(error.message);
      state.addFault(error.message);
    }
  });
  return found;
}

async function confirmDamage(
  state: StoreState,
  file: PartitionFile,
  pacer: Pacer,
): Promise<CitadelError | undefined> {
  try {
    await verifyFile(state, file, pacer);
    return undefined;
  } catch (error) {
    if (!(error instanceof CitadelError) || error.code === 'cancelled') throw error;
    return error;
  }
}
