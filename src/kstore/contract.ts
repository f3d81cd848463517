/** The engine's interfaces, apart from the door so that the inside can know them. */

import type { Disk, Env } from '../env/env.ts';
import type { ByteList } from '../model/key-list.ts';
import type { BackupStore } from '../model/store-backup.ts';
import type { StoreEngine } from '../model/store-engine.ts';
import type { ScrubStore } from '../model/store-scrub.ts';
import type { SnapshotStore } from '../model/store-snapshot.ts';
import type { SqliteReaders, SqliteWriter } from '../sqlite/sqlite.ts';

export interface KStoreOptions {
  readonly env: Pick<Env, 'clock' | 'timers' | 'log'>;
  /** Of the data directory. */
  readonly disk: Disk;
  /** Of this shard, relative to the data directory, e.g. `kshard-0003`. Made when missing. */
  readonly directory: string;
  readonly shard: number;
  readonly shardCount: number;
  /** Both belong to the data directory; several stores share them. */
  readonly writer: SqliteWriter;
  readonly readers: SqliteReaders;
  /** Where slots of the hash tables start, random: clients must not choose keys that meet there. Default 0. */
  readonly hashSeed?: number | undefined;
}

/** Values of a run of the keys that were asked for, in their order. */
export interface KvValues {
  /** Index of the first key. */
  readonly start: number;
  /** Per key: 1 = it has a value, 0 = the key is absent. */
  readonly present: Uint8Array;
  /** Empty where the key is absent. */
  readonly values: ByteList;
}

/** Keys in order of their bytes, each once, with their values. */
export interface KvRows {
  readonly keys: ByteList;
  readonly values: ByteList;
}

/** Keys in [from, until); `until` undefined = to the end of the table. */
export interface KvRange {
  readonly from: Uint8Array;
  readonly until: Uint8Array | undefined;
}

export interface KStoreStatus {
  readonly diskBytes: number;
  readonly tableCount: number;
  /** Problems found on disk, with file and place. */
  readonly faults: readonly string[];
}

export interface KStore extends StoreEngine, SnapshotStore, ScrubStore, BackupStore {
  /** Whether anything was ever written to the table here, deletes included. */
  hasTable(table: string): boolean;
  /** In blocks of about a MiB, or one larger value. @throws CitadelError `corrupt`, `cancelled` */
  get(table: string, keys: ByteList, signal: AbortSignal): AsyncGenerator<KvValues>;
  /** Of at most 64 keys, in one turn; undefined = the values are larger, `get` has them. @throws CitadelError `corrupt` */
  getNow(table: string, keys: ByteList, bytesMax: number): KvValues | undefined;
  /**
   * In blocks of about a MiB, or one larger row. Each key as it was at some moment of the scan; writes, flushes and
   * compactions go on. @throws CitadelError `corrupt`, `cancelled`
   */
  scan(table: string, range: KvRange, signal: AbortSignal): AsyncGenerator<KvRows>;
  /** Removes what has been in the trash since before `nowMs - olderThanMs` (wall clock). */
  purgeTrash(olderThanMs: number): Promise<void>;
  /** Reads and checks every byte that is stored; resolves with what it found, also added to `status.faults`. */
  verify(signal: AbortSignal): Promise<readonly string[]>;
  readonly status: KStoreStatus;
}
