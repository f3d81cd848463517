/** Whether a metadata store is the one that is known: pure. */

import type { ClusterMap } from '../model/cluster.ts';
import { type MapState, storeKinds } from './map-state.ts';

const wayOut =
  "restore etcd's data, or write what this cluster knows into it with 'citadel meta reseed'; until then nothing is taken from it or written to it";

/**
 * Why the store's map may not take the place of the one held; undefined = it may.
 * `clusterUuid`: of the data directory.
 */
export function findRefusal(
  held: ClusterMap | undefined,
  state: MapState,
  clusterUuid: string,
): string | undefined {
  const { cluster } = state;
  if (cluster === undefined) {
    // A cluster that this node has never had a map of may be about to be made.
    if (held === undefined || held.version === 0) return undefined;
    return `metadata store is empty, this node has map version ${held.version}: ${wayOut}`;
  }
  if (cluster.clusterUuid !== clusterUuid) {
    return `metadata store has cluster ${cluster.clusterUuid}, this node belongs to ${clusterUuid}: correct -kvstore or -cluster, or ${wayOut}`;
  }
  if (held === undefined) return undefined;
  if (state.version < held.version) {
    return `metadata store went back to map version ${state.version}, this node has ${held.version}: ${wayOut}`;
  }
  for (const kind of storeKinds) {
    const placed = state.placed(kind);
    const lower = held.shards[kind].find(({ shard, version }) => {
      return version > (placed.get(shard)?.version ?? 0);
    });
    if (lower !== undefined) {
      return `metadata store went back: shard ${lower.shard} of ${kind} is older than on this node: ${wayOut}`;
    }
  }
  return undefined;
}
