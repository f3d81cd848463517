/**
 * The cluster map as everyone on a node reads it: a local copy, kept current by a watch, by what peers
 * say, and by a look at the map version every 30 s. Reading costs nothing and never waits.
 */

import type { ClusterMap, ShardRecord, StoreKind } from '../model/cluster.ts';

/** `lost`: somebody else changed the record first; the view already has the newer one. */
export type ProposalResult = 'done' | 'lost';

export interface ClusterView {
  readonly map: ClusterMap;
  /** This node's uuid. */
  readonly self: string;
  /** Called after the map has been replaced; returns how to stop. Must not throw. */
  onChange(listener: (map: ClusterMap) => void): () => void;
  /** Reads the store, linearizably, within the deadline. @throws CitadelError `unavailable` */
  refresh(): Promise<ClusterMap>;
  /** A map that a peer has: adopted if it is newer and of the same cluster. */
  offer(map: ClusterMap): void;
  /**
   * Replaces a shard's record if it still has `record.revision`: one guarded transaction that also raises the map version.
   * `record.version` must already be raised by one.
   *
   * @throws CitadelError `unavailable`: whether it happened is unknown
   */
  propose(kind: StoreKind, record: ShardRecord): Promise<ProposalResult>;
  /**
   * This node's lease is valid: monotonic time of sending the last confirmed renewal + TTL - 1 s is not past.
   * Always true with embedded metadata.
   */
  isAttached(monotonicMs: number): boolean;
}
