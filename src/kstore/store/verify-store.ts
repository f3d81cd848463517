/** Reads and checks every byte that is stored: SQLite's structure, meta row, names, every row. */

import { CitadelError } from '../../base/errors.ts';
import type { ScrubOptions } from '../../model/store-scrub.ts';
import { type KvFile, readTables } from '../file/kv-file.ts';
import { damaged, readMeta } from '../file/kv-schema.ts';
import { FileSource } from '../read/row-source.ts';
import { Pacer } from './pacer.ts';
import type { StoreState } from './store-state.ts';

const rowsPerLook = 128;
const noKey = new Uint8Array(0);

/** SQLite's own look at a larger file takes the thread for too long while others want it. */
const integritySizeMax = 8 * 1024 * 1024;

function checkIntegrity(state: StoreState, file: KvFile): void {
  const [fault] = file.reader(state.options.readers).integrityFaults();
  if (fault !== undefined) throw damaged(file.path, fault);
}

/** Every row once; each page is one read, so that changes meanwhile do no harm. */
async function readRows(
  state: StoreState,
  file: KvFile,
  pause: (bytes: number) => Promise<void>,
): Promise<void> {
  const { readers } = state.options;
  readMeta(file.reader(readers));
  for (const { no } of readTables(file, readers)) {
    const source = new FileSource(file, readers, no, { from: noKey, until: undefined });
    let bytes = 0;
    for (let count = 1; source.isOpen; count++) {
      bytes += source.keySize + source.value().size;
      source.next();
      if (count % rowsPerLook !== 0 && source.isOpen) continue;
      await pause(bytes);
      bytes = 0;
    }
  }
}

async function checkFiles(
  state: StoreState,
  check: (file: KvFile) => Promise<void>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const file of state.files) {
    try {
      await check(file);
    } catch (error) {
      if (!(error instanceof CitadelError) || error.code === 'cancelled') throw error;
      found.push(error.message);
      state.noteDamage(error);
    }
  }
  return found;
}

/** Only while nothing else changes files. @throws CitadelError `cancelled` */
export function verifyStore(state: StoreState, signal: AbortSignal): Promise<readonly string[]> {
  const pacer = new Pacer(state.options.env, signal);
  return checkFiles(state, async (file) => {
    checkIntegrity(state, file);
    await readRows(state, file, async () => {
      pacer.check();
      if (pacer.isDue) await pacer.breathe();
    });
  });
}

/** While everything else goes on. @throws CitadelError `cancelled`, and what `spend` throws */
export function scrubStore(
  state: StoreState,
  { spend, signal }: ScrubOptions,
): Promise<readonly string[]> {
  const { readers } = state.options;
  return checkFiles(state, async (file) => {
    if (file.unreadable !== undefined) throw file.unreadable;
    // A handle has pages in memory that are not on the disk any more.
    readers.forget(file.path);
    if (readers.size(file.path) <= integritySizeMax) checkIntegrity(state, file);
    await readRows(state, file, async (bytes) => {
      await spend(bytes);
      state.checkOpen();
      if (signal.aborted) throw new CitadelError('cancelled', 'the scrub was ended');
    });
  });
}
