/**
 * The key-value engine of one shard replica: tables of key -> value in memory over one SQLite file.
 *
 * Files: docs/formats/kstore.md. Entries go frame by frame into the memtable (`apply`), which a flush stores in
 * large transactions sorted by key. Of two entries of a key the greater stamp wins, whatever came first; a delete
 * is an entry without a value, kept until it is stable.
 */

import { invariant } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { ByteList } from '../model/key-list.ts';
import type { KStore, KStoreOptions, KvRange, KvRows, KvValues } from './contract.ts';
import { scanTable } from './read/scan-table.ts';
import { openShardStore, ShardStore } from './store/shard-store.ts';

export type {
  KStore,
  KStoreOptions,
  KStoreStatus,
  KvRange,
  KvRows,
  KvValues,
} from './contract.ts';

/** @throws CitadelError `corrupt` and `unsupported-version`, both naming the file; `conflict`; `unavailable` */
export function openKStore(options: KStoreOptions): Promise<KStore> {
  return openShardStore(options);
}

/** Whether anything was ever written to the table in the shard or shards that the block is of. */
interface TableFact {
  readonly hasTable: boolean;
}

/**
 * Keys of the stores of one thread as one list, in order; no key is in two of them. The first block may be empty: it
 * tells of the table. @throws CitadelError `corrupt`, `cancelled`
 */
export async function* scanStores(
  stores: readonly KStore[],
  env: Pick<Env, 'clock' | 'timers'>,
  plan: KvRange & { readonly table: string },
  signal: AbortSignal,
): AsyncGenerator<KvRows & TableFact> {
  const states = stores.map((store) => {
    invariant(store instanceof ShardStore, 'a store comes from openKStore');
    return store.state;
  });
  const hasTable = stores.some((store) => store.hasTable(plan.table));
  let isTold = false;
  for await (const block of scanTable(states, env, plan, signal)) {
    yield { ...block, hasTable };
    isTold = true;
  }
  const nothing = { bytes: new Uint8Array(0), ends: new Uint32Array(0) };
  if (!isTold) yield { keys: nothing, values: nothing, hasTable };
}

/** Values of keys of several stores, store by store. @throws CitadelError `corrupt`, `cancelled` */
export async function* getFromStores(
  asked: readonly { readonly shard: number; readonly store: KStore; readonly keys: ByteList }[],
  table: string,
  signal: AbortSignal,
): AsyncGenerator<KvValues & TableFact & { readonly shard: number }> {
  for (const { shard, store, keys } of asked) {
    const hasTable = store.hasTable(table);
    for await (const block of store.get(table, keys, signal)) yield { ...block, shard, hasTable };
  }
}
