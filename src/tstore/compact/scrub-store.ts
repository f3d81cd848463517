/**
 * Reads and checks what a store has on disk, slowly and beside everything else: flushes and compactions go on.
 *
 * A look that met a change halfway can be wrong, so what it finds is looked at again while nothing changes.
 * SQLite's own look at a whole file would block for too long: every row has a checksum of ours.
 */

import { CitadelError } from '../../base/errors.ts';
import type { ScrubOptions } from '../../model/store-scrub.ts';
import { openChunk } from '../chunk/chunk.ts';
import type { ChunkDirectory } from '../partition/chunk-directory.ts';
import {
  loadDirectory,
  namingRow,
  openPartition,
  type PartitionFile,
  readRow,
} from '../partition/partition-file.ts';
import { isDamage, quarantine } from '../store/damage.ts';
import { Pacer } from '../store/pacer.ts';
import { rewriteCatalog } from '../store/rewrite-catalog.ts';
import type { StoreState } from '../store/store-state.ts';
import { checkDirectory, verifyFile } from './verify-store.ts';

/** Small reads are paid for together. */
const spendBytesMin = 64 * 1024;

class Budget {
  private readonly state: StoreState;
  private readonly options: ScrubOptions;
  readonly pace: Pacer;
  private bytes = 0;

  constructor(state: StoreState, options: ScrubOptions) {
    this.state = state;
    this.options = options;
    this.pace = new Pacer(state.options.env, options.signal);
  }

  /** Errors: `cancelled`. */
  async spend(bytes: number): Promise<void> {
    this.bytes += bytes;
    if (this.bytes >= spendBytesMin) await this.settle();
    else await this.pace.breathe();
    this.state.checkOpen();
  }

  async settle(): Promise<void> {
    const { bytes } = this;
    this.bytes = 0;
    await this.options.spend(bytes);
    this.pace.check();
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
  const { readers } = state.options;
  file.pins++;
  try {
    // A handle has pages in memory that are not on the disk any more.
    readers.forget(file.path);
    openPartition(file.path, readers);
    const directory = await loadDirectory(file, readers, budget.pace);
    await checkDirectory(file, readers, (bytes) => budget.spend(bytes));
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
  await alone(() => scrubCatalog(state, budget, found));
  await budget.settle();
  return found;
}

/** All of it is in memory as well, so a damaged one is written anew. */
async function scrubCatalog(state: StoreState, budget: Budget, found: string[]): Promise<void> {
  const { catalog, options } = state;
  options.readers.forget(catalog.path);
  try {
    await catalog.verify(budget.pace);
  } catch (error) {
    if (!isDamage(error)) throw error;
    found.push(error.message);
    state.addFault(error.message);
    await rewriteCatalog(state, new Pacer(options.env));
    state.forgetFaults(catalog.path);
  }
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
