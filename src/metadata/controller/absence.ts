/**
 * For how long nodes that shards name have been away, by this controller's own watch.
 *
 * Only time in which the controller saw the map counts: after an outage of the metadata store, in which all
 * leases ran out, every node has its grace period before it again.
 */

import type { ClusterMap } from '../../model/cluster.ts';
import { storeKinds } from '../map-state.ts';

/** Longer between two looks, and nothing is known of the time between. */
const gapMaxMs = 5_000;

export class AbsenceWatch {
  /** Monotonic ms. */
  readonly #since = new Map<string, number>();
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** Every node that a shard names and that is away, with how long in ms. */
  look({ nodes, shards }: ClusterMap, nowMs: number): ReadonlyMap<string, number> {
    if (nowMs - this.#lookedMs > gapMaxMs) this.#since.clear();
    this.#lookedMs = nowMs;
    const named = new Set<string>();
    for (const kind of storeKinds) {
      for (const { replicas, learner } of shards[kind]) {
        for (const node of replicas) named.add(node);
        if (learner !== undefined) named.add(learner);
      }
    }
    for (const node of this.#since.keys()) {
      if (nodes.has(node) || !named.has(node)) this.#since.delete(node);
    }
    const absentMs = new Map<string, number>();
    for (const node of named) {
      if (nodes.has(node)) continue;
      const since = this.#since.get(node) ?? nowMs;
      this.#since.set(node, since);
      absentMs.set(node, nowMs - since);
    }
    return absentMs;
  }
}
