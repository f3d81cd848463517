/** The engine's interfaces, apart from the door so that the inside can know them. */

import type { MemoryAccount } from '../base/memory-budget.ts';
import type { Disk, Env } from '../env/env.ts';
import type { BackupStore } from '../model/store-backup.ts';
import type { StoreEngine } from '../model/store-engine.ts';
import type { ScrubStore } from '../model/store-scrub.ts';
import type { SnapshotStore } from '../model/store-snapshot.ts';
import type { SqliteReaders, SqliteWriter } from '../sqlite/sqlite.ts';
import type { StampRule } from './flush/stamp-rule.ts';
import type { ReadCache } from './read-cache.ts';
import type { ValueSieve } from './value-sieve.ts';

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
  /** Of the data directory. */
  readonly disk: Disk;
  /** Of this shard, relative to the data directory, e.g. `shard-0003`. Made when missing. */
  readonly directory: string;
  readonly shard: number;
  readonly shardCount: number;
  /** Both belong to the data directory; several stores share them. */
  readonly writer: SqliteWriter;
  readonly readers: SqliteReaders;
  /** Shared by the stores of one thread. */
  readonly cache: ReadCache;
  /** Of the thread too; undefined = nobody looks into one. */
  readonly sieve?: ValueSieve | undefined;
  readonly policies: readonly StorePolicy[];
  /** Which parts of the rule for rows without stamps hold; all of them but in a test of the rule. */
  readonly rule?: StampRule | undefined;
}

/** A stretch of time of one policy that has data, [start, end) in ns since the Unix epoch. */
export interface StorePartition {
  readonly dbId: string;
  readonly rpId: string;
  readonly start: bigint;
  readonly end: bigint;
}

export interface TStoreStatus {
  /** Of rows in memory, those of the first and the last time of each write. */
  readonly partitions: readonly StorePartition[];
  readonly seriesCount: number;
  readonly diskBytes: number;
  readonly fileCount: number;
  readonly tombstoneCount: number;
  /** Of index and directories, which no flush frees. */
  readonly indexBytes: number;
  /** Problems found on disk, with file and place. */
  readonly faults: readonly string[];
}

export interface TStore extends StoreEngine, SnapshotStore, ScrubStore, BackupStore {
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
  /** What it may hold; undefined = as much as it likes. */
  readonly memory?: MemoryAccount | undefined;
}
