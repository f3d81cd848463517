/** What would be lost if a node never came back: pure. */

import type { ClusterMap, StoreKind } from '../../model/cluster.ts';
import type { ObservedNode } from './observe-nodes.ts';

export interface Losses {
  /** Shards of which nobody else who answers has all data. */
  readonly shards: readonly { readonly kind: StoreKind; readonly shard: number }[];
  /** Entries that other replicas know of and do not have, at least. */
  readonly entries: number;
}

export function findLosses(map: ClusterMap, nodes: readonly ObservedNode[], node: string): Losses {
  const shards: { kind: StoreKind; shard: number }[] = [];
  let entries = 0;
  for (const kind of Object.keys(map.shards) as StoreKind[]) {
    for (const { shard, replicas } of map.shards[kind]) {
      if (!replicas.includes(node)) continue;
      const lags = nodes.flatMap(({ uuid, status }): number[] => {
        if (uuid === node || !replicas.includes(uuid)) return [];
        const found = status?.shards.find(
          (one) => one.shard === shard && (one.kind ?? 'tstore') === kind,
        );
        const isWhole = found?.state === 'active' && found.replication?.phase === 'active';
        return isWhole ? [found.replication?.lagEntries ?? 0] : [];
      });
      if (lags.length === 0) shards.push({ kind, shard });
      else entries += Math.min(...lags);
    }
  }
  return { shards, entries };
}
