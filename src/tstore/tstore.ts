/**
 * The time-series engine of one shard replica: memtable, chunks in SQLite files, series index.
 *
 * Files: docs/formats/tstore.md. Rows go frame by frame into the memtable (`apply`), which a flush
 * turns into chunks, one SQLite file per database, retention policy and time partition. A scan pins a
 * view of memtables and chunks and merges cells by stamp.
 */

import { invariant } from '../base/errors.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../model/plan.ts';
import type { ScanControl, TStore, TStoreOptions } from './contract.ts';
import { scanStates } from './read/scan-stores.ts';
import { schemaOfStates } from './read/schema-stores.ts';
import { openShardStore, ShardStore } from './store/shard-store.ts';
import type { StoreState } from './store/store-state.ts';

export type {
  ScanControl,
  StorePolicy,
  TStore,
  TStoreOptions,
  TStoreStatus,
} from './contract.ts';

/** Errors: `corrupt` and `unsupported-version`, both naming the file; `conflict`; `unavailable`. */
export function openTStore(options: TStoreOptions): Promise<TStore> {
  return openShardStore(options);
}

function statesOf(stores: readonly TStore[]): StoreState[] {
  return stores.map((store) => {
    invariant(store instanceof ShardStore, 'a store comes from openTStore');
    return store.state;
  });
}

/**
 * The stores of one thread as one: blocks in the order plan.ts fixes. Ends with `cancelled` within
 * 100 ms of the signal; `corrupt` when a damaged place is touched.
 */
export function scanStores(
  stores: readonly TStore[],
  plan: ShardPlan,
  control: ScanControl,
): AsyncGenerator<ScanBlock> {
  return scanStates(statesOf(stores), plan, control);
}

/** Schema answers of all stores, deduplicated, in blocks of at most 4096 keys. */
export function schemaStores(
  stores: readonly TStore[],
  plan: SchemaPlan,
  control: ScanControl,
): AsyncGenerator<SchemaBlock> {
  return schemaOfStates(statesOf(stores), plan, control);
}
