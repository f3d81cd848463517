/** Reads and checks every byte that is stored: SQLite's structure, meta row, names, every row. */

import { CitadelError } from '../../base/errors.ts';
import { type KvFile, readTables } from '../file/kv-file.ts';
import { damaged, readMeta } from '../file/kv-schema.ts';
import { FileSource } from '../read/row-source.ts';
import { Pacer } from './pacer.ts';
import type { StoreState } from './store-state.ts';

const rowsPerLook = 128;
const noKey = new Uint8Array(0);

async function verifyFile(state: StoreState, file: KvFile, pacer: Pacer): Promise<void> {
  const { readers } = state.options;
  const reader = file.reader(readers);
  const [fault] = reader.integrityFaults();
  if (fault !== undefined) throw damaged(file.path, fault);
  readMeta(reader);
  for (const { no } of readTables(file, readers)) {
    const source = new FileSource(file, readers, no, { from: noKey, until: undefined });
    for (let count = 1; source.isOpen; count++) {
      source.next();
      if (count % rowsPerLook !== 0) continue;
      pacer.check();
      if (pacer.isDue) await pacer.breathe();
    }
  }
}

/** @throws CitadelError `cancelled` */
export async function verifyStore(
  state: StoreState,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const pacer = new Pacer(state.options.env, signal);
  const found: string[] = [];
  for (const file of state.files) {
    try {
      await verifyFile(state, file, pacer);
    } catch (error) {
      if (!(error instanceof CitadelError) || error.code === 'cancelled') throw error;
      found.push(error.message);
      state.noteDamage(error);
    }
  }
  return found;
}
