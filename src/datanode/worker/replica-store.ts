/** The store under a replica: one of the two engines. What both can do goes without asking which it is. */

import type { KStore } from '../../kstore/kstore.ts';
import type { TStore } from '../../tstore/tstore.ts';

export type ReplicaStore = TStore | KStore;

/** Opens the store of a slot (slots.ts) in its directory. */
export type OpenStore = (slot: number, directory: string) => Promise<ReplicaStore>;

export function isTStore(store: ReplicaStore): store is TStore {
  return 'dropData' in store;
}

/** Nothing was ever stored in it. */
export function isUntouched(store: ReplicaStore): boolean {
  const { replayFrom, versions, gcVersions } = store.positions;
  const hasVersions = Object.keys(versions).length + Object.keys(gcVersions).length > 0;
  return replayFrom === 0 && !hasVersions && !hasData(store);
}

function hasData(store: ReplicaStore): boolean {
  if (!isTStore(store)) return store.status.tableCount > 0;
  const { seriesCount, tombstoneCount, partitions } = store.status;
  return seriesCount + tombstoneCount + partitions.length > 0;
}
