/**
 * What a broker asks of a data node. The data node itself and its gRPC client both implement it; broker
 * and data node meet only here. Every call ends: by answer, by error, or by its signal.
 */

import type { StoreKind } from '../model/cluster.ts';
import type { Hlc } from '../model/entry.ts';
import type { ByteList } from '../model/key-list.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../model/plan.ts';
import type { DigestPart } from '../model/store-snapshot.ts';

export type ConsistencyLevel = 'auto' | 'any' | 'one' | 'quorum' | 'all';

export interface WriteShardRequest {
  readonly shard: number;
  readonly epoch: number;
  readonly mapVersion: number;
  /** 16 bytes, constant over all retries of a request part. */
  readonly writeId: Uint8Array;
  readonly level: ConsistencyLevel;
  /** The primary did not answer: this replica is asked to accept in its place. Default false. */
  readonly isFallback?: boolean;
  /**
   * Wall clock of the broker when it sent this attempt, ms since the Unix epoch; absent = any age will do. A replica
   * refuses an attempt that arrives too late: by then another replica may have acknowledged it, and newer writes.
   */
  readonly sentMs?: number;
  /** Whose shard it is. Default `tstore`. */
  readonly kind?: StoreKind;
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

/**
 * `one`: an active member that lately covered the primary or a majority; `primary`: only the primary, while its lease
 * is valid; `quorum`: the primary, confirmed by a majority after the read (then the stream ends, or fails with `redirect`).
 */
export type ReadLevel = 'one' | 'primary' | 'quorum';

/** The newest entry that the asking broker has seen acknowledged. */
export interface EntryMark {
  readonly shard: number;
  readonly origin: string;
  readonly sequence: number;
}

/** Default: level `one`, no marks, any map. */
export interface ReadOptions {
  readonly level: ReadLevel;
  readonly mapVersion: number;
  /** A replica that lacks one of them answers `redirect`: ask another. */
  readonly marks: readonly EntryMark[];
}

/** A stretch of time, [start, end) in ns since the Unix epoch, that a shard has data of. */
export interface PartitionStatus {
  readonly dbId: string;
  readonly rpId: string;
  readonly start: bigint;
  readonly end: bigint;
}

/** What a replica is doing, and how it stands to the others. */
export interface ReplicationStatus {
  readonly phase: 'empty' | 'catching-up' | 'active' | 'rebuilding';
  readonly epoch: number;
  readonly promised: number;
  readonly isPrimary: boolean;
  /** Entries that the best known peer has and this replica lacks. */
  readonly lagEntries: number;
  /** origin -> sequence applied. */
  readonly versions: Readonly<Record<string, number>>;
  /** Nothing with a stamp at or below it can still arrive; 0 = not known yet. */
  readonly stableHlc: number;
}

export interface ShardStatus {
  readonly shard: number;
  /** Default `tstore`. */
  readonly kind?: StoreKind;
  readonly state: 'opening' | 'active' | 'read-only' | 'failed';
  /** Undefined on a node without peers. */
  readonly replication?: ReplicationStatus;
  readonly replicaId: string;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly seriesCount: number;
  /** Frames it logged, of clients and of peers, smoothed over a minute; absent in the answer of an older release. */
  readonly writtenBytesPerSecond?: number;
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
  /** What was done about damage on disk since the start; absent in the answer of an older release. */
  readonly care?: CareStatus;
}

export interface CareStatus {
  readonly scrubbedBytes: number;
  readonly scrubRounds: number;
  /** Stores, and log segments. */
  readonly damageFound: number;
  readonly damageHealed: number;
}

/** What one shard replica holds, to be compared with its other replicas. */
export interface ShardDigest {
  readonly shard: number;
  /** origin -> sequence applied when the digest began: replicas with equal ones must have equal parts. */
  readonly versions: Readonly<Record<string, number>>;
  /** By name. */
  readonly parts: readonly DigestPart[];
}

/** Keys of one shard. */
export interface KvKeys {
  readonly shard: number;
  readonly keys: ByteList;
}

/** Values of a run of the keys that were asked for of one shard, in their order. */
export interface KvGetBlock {
  readonly shard: number;
  /** Index of the first key within its shard's. */
  readonly start: number;
  /** Per key: 1 = it has a value, 0 = the key is absent. */
  readonly present: Uint8Array;
  /** Empty where the key is absent. */
  readonly values: ByteList;
  /** Whether anything was ever written to the table in this shard. */
  readonly hasTable: boolean;
}

/** Keys in [from, until) by their bytes; `until` undefined = to the end of the table. */
export interface KvScanPlan {
  readonly table: string;
  readonly from: Uint8Array;
  readonly until: Uint8Array | undefined;
}

/** Keys in order, each once. The first block of a stream may be empty: it tells of the table. */
export interface KvScanBlock {
  readonly keys: ByteList;
  readonly values: ByteList;
  readonly hasTable: boolean;
}

/**
 * Reads of key-value shards, one stream per worker thread that owns some of the shards; pulled, ended and answered
 * with errors as scans are. The keys of a scan's stream are in order over all its shards.
 */
export interface KvReads {
  get(
    table: string,
    parts: readonly KvKeys[],
    signal: AbortSignal,
    options?: ReadOptions,
  ): readonly AsyncIterable<KvGetBlock>[];
  scan(
    shards: readonly number[],
    plan: KvScanPlan,
    signal: AbortSignal,
    options?: ReadOptions,
  ): readonly AsyncIterable<KvScanBlock>[];
}

/**
 * Errors: `overloaded` (memory budget; retry later), `disk-full`, `redirect` (not here, or not able to answer: read the map anew,
 * ask another replica), `timeout`, `unavailable`, `read-only`.
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
    options?: ReadOptions,
  ): readonly AsyncIterable<ScanBlock>[];
  schema(
    shards: readonly number[],
    plan: SchemaPlan,
    signal: AbortSignal,
    options?: ReadOptions,
  ): readonly AsyncIterable<SchemaBlock>[];
  /** Database or policy was dropped (a positive record exists): files go to trash. rpId undefined = all of the database. */
  dropData(dbId: string, rpId: string | undefined): Promise<void>;
  /** Of live cells and tombstones with stamps at or below `horizon`; Infinity = all. Errors: `redirect`, `corrupt`, `cancelled`. */
  digest(
    kind: StoreKind,
    shards: readonly number[],
    horizon: Hlc,
    signal: AbortSignal,
  ): Promise<readonly ShardDigest[]>;
  status(): Promise<DataNodeStatus>;
  /** Undefined = the node serves no key-value shards. */
  readonly kv?: KvReads;
}
