/**
 * The time-series engine of one shard replica: memtable, chunks in SQLite files, series index.
 *
 * Files: docs/formats/tstore.md. Rows go frame by frame into the memtable (`apply`), which a flush
 * turns into chunks, one SQLite file per database, retention policy and time partition. A scan pins a
 * view of memtables and chunks and merges cells by stamp.
 */

import type { Env } from '../env/env.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../model/plan.ts';
import type { StoreEngine } from '../model/store-engine.ts';
import type { SqliteReaders, SqliteWriter } from '../sqlite/sqlite.ts';
import type { ReadCache } from './read/read-cache.ts';

/** What a store must know of a retention policy; ids are 16 hex digits. */
export interface StorePolicy {
  readonly dbId: string;
  readonly rpId: string;
  /** 0n = kept for ever. */
  readonly durationNs: bigint;
  readonly shardGroupDurationNs: bigint;
}

export interface TStoreOptions {
  readonly env: Pick<Env, 'clock' | 'timers' | 'log'>;
  /** Of this shard, relative to the data directory, e.g. `shard-0003`. Made when missing. */
  readonly directory: string;
  readonly shard: number;
  readonly shardCount: number;
  /** Both belong to the data directory; several stores share them. */
  readonly writer: SqliteWriter;
  readonly readers: SqliteReaders;
  /** Shared by the stores of one thread. */
  readonly cache: ReadCache;
  readonly policies: readonly StorePolicy[];
}

export interface TStoreStatus {
  readonly seriesCount: number;
  readonly diskBytes: number;
  readonly fileCount: number;
  readonly tombstoneCount: number;
  /** Problems found on disk, with file and place. */
  readonly faults: readonly string[];
}

export interface TStore extends StoreEngine {
  setPolicies(policies: readonly StorePolicy[]): void;
  /** Files to trash, memtable part forgotten, later frames of it ignored. rpId undefined = the whole database. */
  dropData(dbId: string, rpId: string | undefined): Promise<void>;
  /** Moves every partition file that ended longer ago than its policy keeps to trash; resolves with how many. */
  expire(nowNs: bigint): Promise<number>;
  /** Removes what has been in the trash since before `nowMs - olderThanMs` (wall clock). */
  purgeTrash(olderThanMs: number): Promise<void>;
  /** Reads and checks every byte that is stored; resolves with what it found, also added to `status.faults`. */
  verify(signal: AbortSignal): Promise<readonly string[]>;
  readonly status: TStoreStatus;
}

/** How a scan is paced and ended. */
export interface ScanControl {
  readonly signal: AbortSignal;
  readonly env: Pick<Env, 'clock' | 'timers'>;
}

/** Errors: `corrupt` and `unsupported-version`, both naming the file; `unavailable`. */
export function openTStore(options: TStoreOptions): Promise<TStore> {
  return Promise.reject(new Error(`not there yet: ${options.directory}`));
}

/**
 * The stores of one thread as one: blocks in the order plan.ts fixes. Ends with `cancelled` within
 * 100 ms of the signal; `corrupt` when a damaged place is touched.
 */
export function scanStores(
  stores: readonly TStore[],
  plan: ShardPlan,
  control: ScanControl,
): AsyncGenerator<ScanBlock> {
  throw new Error(`not there yet: ${stores.length} ${plan.measurement} ${control.signal.aborted}`);
}

/** Schema answers of all stores, deduplicated, in blocks of at most 4096 keys. */
export function schemaStores(
  stores: readonly TStore[],
  plan: SchemaPlan,
  control: ScanControl,
): AsyncGenerator<SchemaBlock> {
  throw new Error(`not there yet: ${stores.length} ${plan.dbId} ${control.signal.aborted}`);
}
