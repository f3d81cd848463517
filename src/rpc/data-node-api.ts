/**
 * What a broker asks of a data node. The in-process twin and (later) gRPC both implement it; broker and
 * data node meet only here. Every call ends: by answer, by error, or by its signal.
 */

import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../model/plan.ts';

export type ConsistencyLevel = 'auto' | 'any' | 'one' | 'quorum' | 'all';

export interface WriteShardRequest {
  readonly shard: number;
  readonly epoch: number;
  readonly mapVersion: number;
  /** 16 bytes, constant over all retries of a request part. */
  readonly writeId: Uint8Array;
  readonly level: ConsistencyLevel;
  /**
   * A WriteFrame. Its ArrayBuffer is handed over: the caller must not touch it afterwards.
   */
  readonly frame: Uint8Array;
}

export interface WriteShardResponse {
  readonly origin: string;
  readonly sequence: number;
  /** How many replicas have it durably. */
  readonly copies: number;
  readonly levelReached: ConsistencyLevel;
}

/** A stretch of time, [start, end) in ns since the Unix epoch, that a shard has data of. */
export interface PartitionStatus {
  readonly dbId: string;
  readonly rpId: string;
  readonly start: bigint;
  readonly end: bigint;
}

export interface ShardStatus {
  readonly shard: number;
  readonly state: 'opening' | 'active' | 'read-only' | 'failed';
  readonly replicaId: string;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly seriesCount: number;
  readonly partitions: readonly PartitionStatus[];
  readonly lsn: number;
  readonly replayFrom: number;
  /** Problems found on disk, with file and offset. */
  readonly faults: readonly string[];
}

export interface DataNodeStatus {
  readonly state: 'ok' | 'disk-full' | 'failed';
  readonly reason: string;
  readonly shards: readonly ShardStatus[];
  readonly logBytes: number;
  readonly diskFreeBytes: number;
  readonly memoryBytes: number;
  readonly memoryBudgetBytes: number;
}

/**
 * Errors: `overloaded` (memory budget; retry later), `disk-full`, `redirect`, `timeout`, `unavailable`, `read-only`.
 * `scan` gives one stream per worker thread that owns some of the shards; within a stream blocks are ordered as
 * plan.ts says. Streams are pulled: a slow consumer holds the scan back. `return()` on an iterator or the signal ends it within 100 ms.
 */
export interface DataNodeApi {
  /** Resolves when durable as the level asks. */
  writeShard(request: WriteShardRequest, signal?: AbortSignal): Promise<WriteShardResponse>;
  scan(
    shards: readonly number[],
    plan: ShardPlan,
    signal: AbortSignal,
  ): readonly AsyncIterable<ScanBlock>[];
  schema(
    shards: readonly number[],
    plan: SchemaPlan,
    signal: AbortSignal,
  ): readonly AsyncIterable<SchemaBlock>[];
  /** Database or policy was dropped (a positive record exists): files go to trash. rpId undefined = all of the database. */
  dropData(dbId: string, rpId: string | undefined): Promise<void>;
  status(): Promise<DataNodeStatus>;
}
