/**
 * What the main thread and a data worker say to each other about the cluster. Encoded messages of
 * replicas cross as transferred buffers.
 */

import type { ShardRecord } from '../../model/cluster.ts';
import type { PeerLinkState } from '../../rpc/peer-api.ts';
import type { Failure } from './failure.ts';

/** An encoded message between the replicas of a shard. */
export interface ShardMessage {
  readonly shard: number;
  readonly bytes: Uint8Array;
}

export interface OutgoingMessage extends ShardMessage {
  /** Node uuid. */
  readonly to: string;
}

/** What a worker must know of the cluster map. */
export interface WorkerMap {
  /** Of shards that would be this worker's, whoever holds them; those that changed since the last time. */
  readonly records: readonly ShardRecord[];
  /** Uuids of the nodes with a live lease. */
  readonly liveNodes: readonly string[];
  /** This node's own lease is valid. */
  readonly isAttached: boolean;
}

/** A data worker of a cluster's node. */
export interface WorkerCluster extends WorkerMap {
  /** This node's uuid. */
  readonly self: string;
}

export type ClusterToWorker =
  | {
      readonly kind: 'peer-messages';
      readonly from: string;
      readonly messages: readonly ShardMessage[];
    }
  | { readonly kind: 'map'; readonly map: WorkerMap }
  | { readonly kind: 'link'; readonly node: string; readonly state: PeerLinkState }
  /** Nobody waits for the answer of this write any more. */
  | { readonly kind: 'forget'; readonly shard: number; readonly id: number }
  | {
      readonly kind: 'proposed';
      readonly shard: number;
      readonly id: number;
      readonly result: 'done' | 'lost' | 'unknown';
    }
  /** A linearizable read has shown that the record does not name this node. */
  | { readonly kind: 'removal-confirmed'; readonly shard: number }
  /** Of the snapshot that the worker asked for. */
  | { readonly kind: 'snapshot-piece'; readonly shard: number; readonly piece: Uint8Array }
  | {
      readonly kind: 'snapshot-end';
      readonly shard: number;
      readonly failure: Failure | undefined;
    };

export type ClusterFromWorker =
  | { readonly kind: 'peer-messages'; readonly messages: readonly OutgoingMessage[] }
  | {
      readonly kind: 'propose';
      readonly shard: number;
      readonly id: number;
      readonly record: ShardRecord;
    }
  /** Answered by `removal-confirmed`, or not at all. */
  | { readonly kind: 'confirm-removal'; readonly shard: number }
  /** One per shard at a time; ends by `snapshot-end`, also after `stop-fetch`. */
  | { readonly kind: 'fetch-snapshot'; readonly shard: number; readonly from: string }
  /** A piece of so many bytes was merged. */
  | { readonly kind: 'snapshot-taken'; readonly shard: number; readonly bytes: number }
  | { readonly kind: 'stop-fetch'; readonly shard: number };
