/**
 * Where nodes are: those of the map, and those that hold shards but whose lease has ended, at the address
 * they last had. A node that is cut off from the metadata still takes its part in replication.
 */

import type { ClusterMap, NodeRecord } from '../../model/cluster.ts';

function holdersIn(map: ClusterMap): Set<string> {
  const holders = new Set<string>();
  for (const records of Object.values(map.shards)) {
    for (const { replicas, learner, leaving } of records) {
      for (const node of replicas) holders.add(node);
      if (learner !== undefined) holders.add(learner);
      if (leaving !== undefined) holders.add(leaving);
    }
  }
  return holders;
}

/** The nodes to know after `map`, by uuid. */
export function followNodes(
  known: ReadonlyMap<string, NodeRecord>,
  map: ClusterMap,
): Map<string, NodeRecord> {
  const next = new Map(map.nodes);
  for (const holder of holdersIn(map)) {
    const last = known.get(holder);
    if (last !== undefined && !next.has(holder)) next.set(holder, last);
  }
  return next;
}
