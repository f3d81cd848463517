/**
 * The store of one shard replica: applies entries at once, and runs everything that changes files (flush,
 * compaction, merges) one after the other.
 */

import { CitadelError, invariant } from '../../base/errors.ts';
import type { Entry, Hlc } from '../../model/entry.ts';
import type { ByteList } from '../../model/key-list.ts';
import { openKvFrame } from '../../model/kv-frame.ts';
import type { BackupSection, RestoredDatabase } from '../../model/store-backup.ts';
import type { FlushOptions, StorePositions } from '../../model/store-engine.ts';
import type { ScrubOptions } from '../../model/store-scrub.ts';
import type { DigestPart, SnapshotFacts, SnapshotMerge } from '../../model/store-snapshot.ts';
import type {
  KStore,
  KStoreOptions,
  KStoreStatus,
  KvRange,
  KvRows,
  KvValues,
} from '../contract.ts';
import { flushFrozen, freeze } from '../flush/flush.ts';
import { getKeys, getKeysNow } from '../read/get-keys.ts';
import { scanTable } from '../read/scan-table.ts';
import { digestKeys } from '../snapshot/digest-keys.ts';
import { StoreMerge } from '../snapshot/store-merge.ts';
import { SnapshotStream } from '../snapshot/take-snapshot.ts';
import { collectTombstones } from './collect-tombstones.ts';
import { openState } from './open-store.ts';
import { emptyTrash } from './retire-files.ts';
import type { StoreState } from './store-state.ts';
import { scrubStore, verifyStore } from './verify-store.ts';

export class ShardStore implements KStore {
  readonly state: StoreState;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(state: StoreState) {
    this.state = state;
  }

  get positions(): StorePositions {
    const { replayFrom, versions, hlcMax, gcVersions } = this.state.file.meta;
    return { replayFrom, versions, hlcMax, gcVersions };
  }

  get memoryBytes(): number {
    let sum = 0;
    for (const memtable of this.state.memtables) sum += memtable.bytes;
    return sum;
  }

  get status(): KStoreStatus {
    const { diskBytes, tables, faults } = this.state;
    return { diskBytes, tableCount: tables.count, faults: [...faults] };
  }

  /** The log has checked the frame; what cannot be read here was never accepted. */
  apply(entry: Entry): void {
    const state = this.state;
    invariant(!state.isClosed, 'a closed store takes no entries');
    const frame = openKvFrame(state.slabs.keep(entry.frame), { trusted: true });
    const { active, tables } = state;
    active.lastLsn = Math.max(active.lastLsn, entry.lsn);
    active.add(tables.numberOf(frame.table), frame, entry);
  }

  endReplay(): number {
    return this.state.active.lastLsn;
  }

  async flush(options: FlushOptions): Promise<StorePositions> {
    freeze(this.state);
    await this.#alone(() => flushFrozen(this.state, options));
    return this.positions;
  }

  compactStep(
    stableHlc: Hlc,
    signal: AbortSignal,
    versions: Readonly<Record<string, number>> = {},
  ): Promise<boolean> {
    return this.#alone(async () => {
      signal.throwIfAborted();
      return collectTombstones(this.state, stableHlc, versions);
    });
  }

  hasTable(table: string): boolean {
    return this.state.tables.find(table) !== undefined;
  }

  async *get(table: string, keys: ByteList, signal: AbortSignal): AsyncGenerator<KvValues> {
    this.state.checkOpen();
    // A table without a number has no rows: none has this one.
    const no = this.state.tables.find(table) ?? 0;
    yield* getKeys(this.state, no, keys, signal);
  }

  getNow(table: string, keys: ByteList, bytesMax: number): KvValues | undefined {
    this.state.checkOpen();
    return getKeysNow(this.state, this.state.tables.find(table) ?? 0, keys, bytesMax);
  }

  async *scan(table: string, range: KvRange, signal: AbortSignal): AsyncGenerator<KvRows> {
    this.state.checkOpen();
    yield* scanTable([this.state], this.state.options.env, { table, ...range }, signal);
  }

  snapshot(facts: SnapshotFacts, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.state.checkOpen();
    return new SnapshotStream(this.state, facts, signal);
  }

  async openMerge(versions: Readonly<Record<string, number>>): Promise<SnapshotMerge> {
    this.state.checkOpen();
    return new StoreMerge(this.state, versions, (work) => this.#alone(work));
  }

  async digest(horizon: Hlc, signal: AbortSignal): Promise<readonly DigestPart[]> {
    try {
      return await digestKeys(this.state, horizon, signal);
    } catch (error) {
      this.state.noteDamage(error);
      throw error;
    }
  }

  purgeTrash(olderThanMs: number): Promise<void> {
    const movedBeforeMs = this.state.options.env.clock.wallMs() - olderThanMs;
    return this.#alone(() => emptyTrash(this.state, movedBeforeMs));
  }

  verify(signal: AbortSignal): Promise<readonly string[]> {
    return this.#alone(() => verifyStore(this.state, signal));
  }

  /** Keys are read merged, so all of a store is one section; it stays the same while nothing is written. */
  get sections(): readonly BackupSection[] {
    const { file, memtables, options, diskBytes } = this.state;
    const isInFile = memtables.every(({ isEmpty }) => isEmpty);
    const key = isInFile ? `${options.directory}/${file.no}/${file.meta.generation}` : '';
    return [{ name: 'keys', key, bytes: diskBytes + this.memoryBytes }];
  }

  async *section(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.state.checkOpen();
    if (name !== 'keys') throw new CitadelError('not-found', `no section ${name}`);
    const facts = { versions: {}, gcVersions: {}, hlcMax: this.positions.hlcMax };
    yield* new SnapshotStream(this.state, facts, signal, false);
  }

  openRestore(_databases: readonly RestoredDatabase[]): Promise<SnapshotMerge> {
    return this.openMerge({});
  }

  scrub(options: ScrubOptions): Promise<readonly string[]> {
    return scrubStore(this.state, options);
  }

  get hasDamagedFiles(): boolean {
    return this.state.isDamaged || this.state.older.length > 0;
  }

  async close(): Promise<void> {
    this.state.isClosed = true;
    await this.#turn;
    for (const { path } of this.state.files) this.state.options.readers.forget(path);
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => {
      this.state.checkOpen();
      return work();
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/** @throws CitadelError `corrupt`, `unsupported-version`, `conflict`, `unavailable` */
export async function openShardStore(options: KStoreOptions): Promise<KStore> {
  return new ShardStore(await openState(options));
}
