/**
 * The store of one shard replica: applies entries at once, and runs everything that changes files (flush,
 * compaction, drops, expiry) one after the other.
 */

import { invariant } from '../../base/errors.ts';
import type { Entry, Hlc } from '../../model/entry.ts';
import type { BackupSection, RestoredDatabase } from '../../model/store-backup.ts';
import type { FlushOptions, StorePositions } from '../../model/store-engine.ts';
import type { ScrubOptions } from '../../model/store-scrub.ts';
import type { DigestPart, SnapshotFacts, SnapshotMerge } from '../../model/store-snapshot.ts';
import { type DropRecord, encodeRecord } from '../catalog/catalog-rows.ts';
import { compactOnce } from '../compact/compact-step.ts';
import { scrubStore } from '../compact/scrub-store.ts';
import { verifyStore } from '../compact/verify-store.ts';
import type { StorePolicy, TStore, TStoreOptions, TStoreStatus } from '../contract.ts';
import { flushFrozen, freeze } from '../flush/flush.ts';
import { listSections, openSection } from '../snapshot/backup-sections.ts';
import { digestStore } from '../snapshot/digest-store.ts';
import { RestoreNames } from '../snapshot/restore-names.ts';
import { SnapshotStream } from '../snapshot/snapshot-stream.ts';
import { StoreMerge } from '../snapshot/store-merge.ts';
import { pinStore } from '../snapshot/take-snapshot.ts';
import { applyEntry } from './apply-entry.ts';
import { listPartitions } from './list-partitions.ts';
import { openState } from './open-store.ts';
import { Pacer } from './pacer.ts';
import { emptyTrash, finishLeaving, moveDoomed, retireFiles } from './retire-files.ts';
import { recordOf, type StoreState } from './store-state.ts';

export class ShardStore implements TStore {
  readonly state: StoreState;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(state: StoreState) {
    this.state = state;
  }

  get positions(): StorePositions {
    const { replayFrom, versions, hlcMax, gcVersions = {} } = this.state.catalog.meta;
    return { replayFrom, versions, hlcMax, gcVersions };
  }

  get memoryBytes(): number {
    return this.state.memtables.reduce((sum, memtable) => sum + memtable.memoryBytes, 0);
  }

  get status(): TStoreStatus {
    const { state } = this;
    let seriesCount = 0;
    let indexBytes = 0;
    for (const index of state.databases.values()) {
      seriesCount += index.liveCount;
      indexBytes += index.memoryBytes;
    }
    let fileCount = 0;
    for (const file of state.files()) {
      fileCount++;
      indexBytes += file.directory?.memoryBytes ?? 0;
    }
    let tombstoneCount = 0;
    for (const list of state.tombstones.values()) tombstoneCount += list.length;
    return {
      partitions: listPartitions(state),
      seriesCount,
      diskBytes: state.diskBytes,
      fileCount,
      tombstoneCount,
      indexBytes,
      faults: [...state.faults],
    };
  }

  setPolicies(policies: readonly StorePolicy[]): void {
    this.state.setPolicies(policies);
  }

  apply(entry: Entry): void {
    invariant(!this.state.isClosed, 'a closed store takes no entries');
    applyEntry(this.state, entry);
  }

  endReplay(): number {
    const { active } = this.state;
    for (const { meta } of this.state.files()) active.lastLsn = Math.max(active.lastLsn, meta.lsn);
    return active.lastLsn;
  }

  async flush(options: FlushOptions): Promise<StorePositions> {
    freeze(this.state);
    await this.alone(() => flushFrozen(this.state, options));
    return this.positions;
  }

  compactStep(
    stableHlc: Hlc,
    signal: AbortSignal,
    versions: Readonly<Record<string, number>> = {},
  ): Promise<boolean> {
    return this.alone(async () => {
      if (await moveDoomed(this.state)) return true;
      const pacer = new Pacer(this.state.options.env, signal);
      return compactOnce(this.state, { stableHlc, versions }, pacer);
    });
  }

  snapshot(facts: SnapshotFacts, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.state.checkOpen();
    return new SnapshotStream(this.state, () => pinStore(this.state, facts), signal);
  }

  async openMerge(versions: Readonly<Record<string, number>>): Promise<SnapshotMerge> {
    this.state.checkOpen();
    return new StoreMerge(this.state, versions, (work) => this.alone(work));
  }

  get sections(): readonly BackupSection[] {
    return listSections(this.state);
  }

  async *section(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.state.checkOpen();
    yield* openSection(this.state, name, signal);
  }

  async openRestore(databases: readonly RestoredDatabase[]): Promise<SnapshotMerge> {
    this.state.checkOpen();
    const names = new RestoreNames(databases);
    return new StoreMerge(this.state, {}, (work) => this.alone(work), names);
  }

  digest(horizon: Hlc, signal: AbortSignal): Promise<readonly DigestPart[]> {
    return digestStore(this.state, horizon, new Pacer(this.state.options.env, signal));
  }

  async dropData(dbId: string, rpId: string | undefined): Promise<void> {
    const { state } = this;
    const name = rpId === undefined ? dbId : `${dbId}/${rpId}`;
    state.dropped.add(name);
    for (const memtable of state.memtables) memtable.forget(dbId, rpId);
    await this.alone(async () => {
      await this.recordDrop(name, { dbId, rpId: rpId ?? '', lsn: state.active.lastLsn });
      // A flush that was under way may have made files meanwhile: they go with the others.
      const files = state.partitionSets(dbId, rpId).flatMap((set) => set.files);
      await retireFiles(state, files);
      for (const set of state.partitionSets(dbId, rpId)) {
        state.partitions.delete(`${set.dbId}/${set.rpId}`);
      }
      state.sweepNeeded = true;
    });
  }

  /** Once: the same drop may be asked for at every start. */
  private async recordDrop(name: string, record: DropRecord): Promise<void> {
    const { catalog, droppedSaved } = this.state;
    if (droppedSaved.has(name)) return;
    const no = catalog.meta.dropNoNext;
    await catalog.commit(
      [{ table: 'drops', put: [{ no, body: encodeRecord(record) }], remove: [] }],
      { dropNoNext: no + 1 },
    );
    droppedSaved.add(name);
  }

  expire(nowNs: bigint): Promise<number> {
    return this.alone(async () => {
      const { state } = this;
      const old = [...state.files()].filter(({ meta, bounds }) => {
        const duration = state.policy(meta.dbId, meta.rpId)?.durationNs ?? 0n;
        return duration > 0n && bounds.end + duration < nowNs;
      });
      await retireFiles(state, old);
      return old.length;
    });
  }

  purgeTrash(olderThanMs: number): Promise<void> {
    return this.alone(async () => {
      await moveDoomed(this.state);
      await emptyTrash(this.state, this.state.options.env.clock.wallMs() - olderThanMs);
    });
  }

  verify(signal: AbortSignal): Promise<readonly string[]> {
    return this.alone(() => verifyStore(this.state, new Pacer(this.state.options.env, signal)));
  }

  scrub(options: ScrubOptions): Promise<readonly string[]> {
    return scrubStore(this.state, options, (work) => this.alone(work));
  }

  get hasDamagedFiles(): boolean {
    for (const { quarantine } of this.state.files()) if (quarantine !== undefined) return true;
    return false;
  }

  async close(): Promise<void> {
    this.state.isClosed = true;
    await this.turn;
    const { readers } = this.state.options;
    for (const file of this.state.files()) readers.forget(file.path);
    readers.forget(this.state.catalog.path);
  }

  private alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(() => {
      this.state.checkOpen();
      return work().finally(() => this.state.trimDirectories());
    });
    this.turn = result.catch(() => undefined);
    return result;
  }
}

/** Errors: `corrupt`, `unsupported-version`, `conflict`, `unavailable`. */
export async function openShardStore(options: TStoreOptions): Promise<ShardStore> {
  const { state, leaving } = await openState(options);
  await finishLeaving(state, leaving);
  const quarantined = [...state.files()].filter((file) => file.quarantine !== undefined);
  const put = quarantined.map((file) => ({
    no: file.meta.fileId,
    body: encodeRecord(recordOf(file)),
  }));
  if (put.length > 0) await state.catalog.commit([{ table: 'files', put, remove: [] }], {});
  return new ShardStore(state);
}
