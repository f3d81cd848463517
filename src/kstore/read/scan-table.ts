/** Keys of one table in order, from memory and files of one store or of several: as many as the reader pulls. */

import type { Env } from '../../env/env.ts';
import { ByteListBuilder } from '../../model/key-list.ts';
import type { KvRange, KvRows } from '../contract.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { MergedRows } from './merge-rows.ts';
import { FileSource, MemorySource, type RowSource } from './row-source.ts';

const blockBytes = 1024 * 1024;
const blockRowsMax = 8192;
const rowsPerLook = 128;

/** What a store has at one moment; what leaves memory later is in the files, so nothing is missed. */
export interface PinnedStore {
  readonly memtables: StoreState['memtables'];
  readonly files: StoreState['files'];
}

export function pinStore({ memtables, files }: StoreState): PinnedStore {
  return { memtables, files };
}

/** @throws CitadelError `corrupt` */
async function sourcesOf(
  state: StoreState,
  { memtables, files }: PinnedStore,
  table: number,
  range: KvRange,
): Promise<RowSource[]> {
  const sources: RowSource[] = [];
  const { env, readers } = state.options;
  for (const { parts } of memtables) {
    const part = parts.get(table);
    if (part === undefined) continue;
    for (const run of await part.runs.take(env)) {
      sources.push(new MemorySource(part.cells, run, range));
    }
  }
  for (const file of files) sources.push(new FileSource(file, readers, table, range));
  return sources;
}

/** @throws CitadelError `corrupt` */
export async function mergedRows(
  state: StoreState,
  pinned: PinnedStore,
  table: number,
  range: KvRange,
): Promise<MergedRows> {
  return new MergedRows(await sourcesOf(state, pinned, table, range));
}

async function rowsOf(states: readonly StoreState[], table: string, range: KvRange) {
  const sources: RowSource[] = [];
  for (const state of states) {
    const no = state.tables.find(table);
    if (no !== undefined) sources.push(...(await sourcesOf(state, pinStore(state), no, range)));
  }
  return new MergedRows(sources);
}

/** No key is in two stores. @throws CitadelError `corrupt`, `cancelled` */
export async function* scanTable(
  states: readonly StoreState[],
  env: Pick<Env, 'clock' | 'timers'>,
  plan: KvRange & { readonly table: string },
  signal: AbortSignal,
): AsyncGenerator<KvRows> {
  const pacer = new Pacer(env, signal);
  const keys = new ByteListBuilder(64 * 1024, 1024);
  const values = new ByteListBuilder(256 * 1024, 1024);
  const take = () => ({ keys: keys.take(), values: values.take() });
  const check = () => {
    for (const state of states) state.checkOpen();
    pacer.check();
  };
  try {
    const rows = await rowsOf(states, plan.table, plan);
    let count = 0;
    for (let row = rows.next(); row !== undefined; row = rows.next()) {
      if (!row.isDeleted()) {
        const value = row.value();
        keys.add(row.bytes, row.keyAt, row.keySize);
        values.add(value.bytes, value.at, value.size);
      }
      if (keys.size + values.size >= blockBytes || keys.count >= blockRowsMax) {
        yield take();
        check();
      }
      if (++count % rowsPerLook !== 0 || !pacer.isDue) continue;
      check();
      await pacer.breathe();
      check();
    }
    if (keys.count > 0) yield take();
  } catch (error) {
    for (const state of states) state.noteDamage(error);
    throw error;
  }
}
