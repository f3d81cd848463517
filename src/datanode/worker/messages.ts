/**
 * Messages between the main thread and a data worker. Plain data; frames and columns cross as
 * transferred buffers, not as copies.
 */

import type { MessagePort } from 'node:worker_threads';
import type { MemoryLimits } from '../../base/memory-budget.ts';
import type { Hlc } from '../../model/entry.ts';
import type { TailAnswer, TailPosition, TailQuestion, TailRule } from '../../model/log-tail.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../../model/plan.ts';
import type { BackupSection } from '../../model/store-backup.ts';
import type {
  ConsistencyLevel,
  KvGetBlock,
  KvKeys,
  KvScanBlock,
  KvScanPlan,
  ReadOptions,
  ShardDigest,
  ShardStatus,
} from '../../rpc/data-node-api.ts';
import type { FsyncMode } from '../log/commit-log.ts';
import type { CareCounts, CareRules } from './care-rules.ts';
import type { ClusterFromWorker, ClusterToWorker, WorkerCluster } from './cluster-messages.ts';
import type { Failure } from './failure.ts';
import type { RestoreStep } from './restore-step.ts';
import type { TailsAtStart } from './tail-holds.ts';
import type { Parcel } from './transfer-blocks.ts';

/** What the stores must know of a retention policy; ids are 16 hex digits. */
export interface RetentionRule {
  readonly dbId: string;
  readonly rpId: string;
  /** 0n = kept for ever. */
  readonly durationNs: bigint;
  readonly shardGroupDurationNs: bigint;
}

/** `workerData` of a data worker. */
export interface WorkerStart {
  readonly root: string;
  readonly shardCount: number;
  readonly logCount: number;
  /** The logs this worker owns; with them go all shards whose number modulo `logCount` is one of them. */
  readonly logIds: readonly number[];
  readonly fsync: FsyncMode;
  readonly fsyncIntervalMs: number;
  readonly segmentBytes: number;
  /** This worker's share: memtables, log buffers and read cache. */
  readonly memoryBytes: number;
  /** Of scans, on top of that. */
  readonly scanMemory: MemoryLimits;
  readonly idleFlushMs: number;
  readonly policies: readonly RetentionRule[];
  /** This worker's share of the budget. */
  readonly care: CareRules;
  readonly writerPort: MessagePort;
  /** Of the worker's `ValueSieve`; undefined on a node with peers. */
  readonly sieve?: SharedArrayBuffer | undefined;
  /** Undefined on a node without peers, which has all shards. */
  readonly cluster: WorkerCluster | undefined;
  /** Who follows the logs; undefined = nobody. */
  readonly tails?: TailsAtStart | undefined;
}

/** From a worker to the main thread, about the cluster. */
export type PostFromWorker = (
  message: ClusterFromWorker,
  transfer?: readonly ArrayBuffer[],
) => void;

export interface WriteItem {
  readonly id: number;
  readonly shard: number;
  readonly writeId: Uint8Array;
  readonly level: ConsistencyLevel;
  readonly isFallback: boolean;
  /** Wall clock ms of the broker; undefined = any age will do. */
  readonly sentMs: number | undefined;
  readonly frame: Uint8Array;
}

export interface WriteAnswer {
  readonly id: number;
  readonly origin: string;
  readonly sequence: number;
  readonly copies: number;
  readonly levelReached: ConsistencyLevel;
  readonly failure: Failure | undefined;
}

/** `read` undefined: whatever is here, as on a node without peers. */
export type StreamRequest =
  | { readonly kind: 'scan'; readonly plan: ShardPlan; readonly read: ReadOptions | undefined }
  | { readonly kind: 'schema'; readonly plan: SchemaPlan; readonly read: ReadOptions | undefined }
  | {
      readonly kind: 'kv-get';
      readonly table: string;
      /** By slot. */
      readonly parts: readonly KvKeys[];
      readonly read: ReadOptions | undefined;
    }
  | { readonly kind: 'kv-scan'; readonly plan: KvScanPlan; readonly read: ReadOptions | undefined }
  /** Of one shard, for a peer. */
  | { readonly kind: 'snapshot' }
  /** Of one shard, for an operator. */
  | { readonly kind: 'backup-list' }
  | { readonly kind: 'backup-section'; readonly name: string }
  | { readonly kind: 'digest'; readonly horizon: Hlc };

export interface SnapshotBlock {
  readonly piece: Uint8Array;
}

export interface DigestBlock {
  readonly digest: ShardDigest;
}

export interface BackupListBlock {
  readonly sections: readonly BackupSection[];
}

export type StreamBlock =
  | ScanBlock
  | SchemaBlock
  | KvGetBlock
  | KvScanBlock
  | SnapshotBlock
  | BackupListBlock
  | DigestBlock;

/** Calls are answered by `done` with the same id. */
export type WorkerCall =
  | { readonly kind: 'drop'; readonly dbId: string; readonly rpId: string | undefined }
  | { readonly kind: 'expire'; readonly nowNs: bigint }
  | { readonly kind: 'purge'; readonly olderThanMs: number }
  | { readonly kind: 'status' }
  /** The other replicas of the slot hold something else: what they have is taken over. */
  | { readonly kind: 'repair'; readonly shard: number }
  | { readonly kind: 'restore'; readonly request: RestoreStep }
  | { readonly kind: 'close'; readonly flush: boolean };

export type ToWorker =
  | ClusterToWorker
  | { readonly kind: 'write'; readonly items: readonly WriteItem[] }
  | {
      readonly kind: 'stream';
      readonly id: number;
      readonly shards: readonly number[];
      readonly request: StreamRequest;
    }
  /** The consumer took blocks of so many bytes. */
  | { readonly kind: 'credit'; readonly id: number; readonly bytes: number }
  | { readonly kind: 'cancel'; readonly id: number }
  /** Gets of few keys: `{ id, table, parts, read }` of each, answered by `kv-got` with the same ids. */
  | { readonly kind: 'kv-gets'; readonly parcel: Parcel }
  | { readonly kind: 'call'; readonly id: number; readonly call: WorkerCall }
  | { readonly kind: 'policies'; readonly policies: readonly RetentionRule[] }
  /** Writes are refused while true. */
  | { readonly kind: 'disk'; readonly full: boolean }
  /** Replaces the set of tails. */
  | { readonly kind: 'tail-rules'; readonly rules: readonly TailRule[] }
  | { readonly kind: 'tail-positions'; readonly positions: readonly TailPosition[] }
  /** Answered by `tail` with the same id. */
  | { readonly kind: 'read-tail'; readonly id: number; readonly question: TailQuestion };

/** Keys of a get that is answered at once, one question to a file; and such gets of one message. */
export const quickKeysMax = 64;
export const quickReadsMax = 128;

export interface WorkerStatus {
  readonly shards: readonly ShardStatus[];
  readonly logBytes: number;
  readonly memoryBytes: number;
  readonly care: CareCounts;
}

export type FromWorker =
  | ClusterFromWorker
  | { readonly kind: 'ready' }
  | { readonly kind: 'open-failed'; readonly failure: Failure }
  /** While opening: bytes of log read so far. */
  | { readonly kind: 'progress'; readonly replayedBytes: number }
  | { readonly kind: 'answers'; readonly answers: readonly WriteAnswer[] }
  | {
      readonly kind: 'blocks';
      readonly id: number;
      readonly parcel: Parcel;
      /** Nothing follows, `end` neither. */
      readonly isLast: boolean;
    }
  | { readonly kind: 'end'; readonly id: number; readonly failure: Failure | undefined }
  | {
      readonly kind: 'kv-got';
      /** `{ id, blocks }` of each. */
      readonly parcel: Parcel;
      readonly failures: readonly { readonly id: number; readonly failure: Failure }[];
      /** Of those whose values are too large to come at once: they are asked for as streams. */
      readonly largeIds: readonly number[];
    }
  | {
      readonly kind: 'done';
      readonly id: number;
      readonly failure: Failure | undefined;
      readonly status: WorkerStatus | undefined;
    }
  | {
      readonly kind: 'tail';
      readonly id: number;
      readonly answer?: TailAnswer;
      readonly failure?: Failure;
    }
  /** These shards have new entries; told only while there are tails. */
  | { readonly kind: 'tail-news'; readonly shards: readonly number[] }
  /** Something did not fit on the disk: room must be made. */
  | { readonly kind: 'disk-full' }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly event: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };
