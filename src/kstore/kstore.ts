/**
 * The key-value engine of one shard replica: tables of key -> value in memory over one SQLite file.
 *
 * Files: docs/formats/kstore.md. Entries go frame by frame into the memtable (`apply`), which a flush stores in
 * large transactions sorted by key. Of two entries of a key the greater stamp wins, whatever came first; a delete
 * is an entry without a value, kept until it is stable.
 */

import type { KStore, KStoreOptions } from './contract.ts';
import { openShardStore } from './store/shard-store.ts';

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
