/**
 * Merges a snapshot into a store. Everything that shows before the end is true by itself, a cell or a delete
 * that some replica acknowledged, so a merge that breaks off leaves nothing wrong: what it wrote stays, and
 * the next one finds it again. Only the end raises the positions.
 *
 * While it is open no tombstone of the store goes: the row that it hides may still be on its way in here.
 */

import { CitadelError } from '../../base/errors.ts';
import { corruptSnapshot, PieceReader } from '../../model/snapshot-pieces.ts';
import {
  decodeEnd,
  decodeStart,
  RecordReader,
  type SnapshotRecord,
  type StartRecord,
  unknownRecord,
} from '../../model/snapshot-records.ts';
import type { SnapshotFacts, SnapshotMerge } from '../../model/store-snapshot.ts';
import { coversVersions, joinVersions } from '../../model/versions.ts';
import { decodeTombstone, encodeRecord, type Tombstone } from '../catalog/catalog-rows.ts';
import { saveNames } from '../flush/save-names.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import { Pacer } from '../store/pacer.ts';
import { retireFiles } from '../store/retire-files.ts';
import { recordOf, type StoreState } from '../store/store-state.ts';
import { ChunkStage } from './chunk-stage.ts';
import { FrameStage } from './frame-stage.ts';
import { decodeFrame, decodePartition, recordKind } from './records.ts';
import type { RestoreNames } from './restore-names.ts';

/** Runs work while nothing else changes files of the store. */
export type RunAlone = <T>(work: () => Promise<T>) => Promise<T>;

function isEmptyStore(state: StoreState): boolean {
  for (const file of state.files()) if (file.exists) return false;
  return state.memtables.every((memtable) => memtable.isEmpty);
}

function readTombstone(body: Uint8Array): Tombstone {
  let tombstone: Tombstone;
  try {
    tombstone = decodeTombstone(body);
  } catch {
    throw corruptSnapshot('a tombstone is none');
  }
  const { dbId, origin, hlc } = tombstone;
  const isSound =
    [dbId, origin].every((id) => /^[0-9a-f]{16}$/.test(id)) && Number.isSafeInteger(hlc);
  if (!isSound) throw corruptSnapshot('a tombstone is none');
  return tombstone;
}

export class StoreMerge implements SnapshotMerge {
  private readonly state: StoreState;
  private readonly alone: RunAlone;
  private readonly names: RestoreNames | undefined;
  /** What follows is of a database that is not wanted. */
  private isLeftOut = false;
  /** Of the replica when the merge was opened. */
  private readonly versions: Readonly<Record<string, number>>;
  /** Of what is in files: what came later is in memory and in the log. */
  private readonly storedVersions: Readonly<Record<string, number>>;
  private readonly letGo: () => void;
  private readonly pieces = new PieceReader();
  private readonly records = new RecordReader();
  private readonly counts = new Array<number>(recordKind.end).fill(0);
  private readonly frames: FrameStage;
  private chunks: ChunkStage | undefined;
  private tombstones: Tombstone[] = [];
  private readonly touched = new Set<PartitionFile>();
  /** Files that were set aside when the merge was opened. */
  private readonly damaged: readonly PartitionFile[];
  private start: StartRecord | undefined;
  private hasEnd = false;
  private isOver = false;

  /** `names`: of another cluster; undefined = the snapshot is of a replica of this shard. */
  constructor(
    state: StoreState,
    versions: Readonly<Record<string, number>>,
    alone: RunAlone,
    names?: RestoreNames,
  ) {
    this.state = state;
    this.names = names;
    this.versions = versions;
    this.alone = alone;
    this.storedVersions = state.catalog.meta.versions;
    this.letGo = state.hold();
    this.frames = new FrameStage(state);
    this.damaged = [...state.files()].filter((file) => file.quarantine !== undefined);
  }

  add(piece: Uint8Array): Promise<void> {
    return this.endingOnError(async () => {
      this.records.add(this.pieces.take(piece));
      const pacer = new Pacer(this.state.options.env);
      for (;;) {
        const record = this.records.next();
        if (record === undefined) break;
        await this.take(record);
        if (pacer.isDue) await pacer.breathe();
      }
    });
  }

  finish(): Promise<SnapshotFacts> {
    return this.endingOnError(async () => {
      const { start } = this;
      if (start === undefined || !this.hasEnd || !this.pieces.isComplete || !this.records.isEmpty) {
        throw corruptSnapshot('pieces are missing');
      }
      await this.writeFrames();
      await this.writeChunks();
      await this.alone(async () => {
        await this.savePositions(start);
        const isReplica = this.names === undefined;
        if (isReplica && coversVersions(start.versions, this.storedVersions)) {
          await this.replaceDamaged();
        }
      });
      this.end();
      const { versions, gcVersions, hlcMax } = start;
      return { versions, gcVersions, hlcMax };
    });
  }

  async abandon(): Promise<void> {
    this.end();
  }

  private end(): void {
    this.isOver = true;
    this.chunks = undefined;
    this.frames.clear();
    this.tombstones = [];
    // Series may have got a name and then no chunk.
    this.state.sweepNeeded = true;
    this.letGo();
  }

  private async endingOnError<T>(work: () => Promise<T>): Promise<T> {
    if (this.isOver) throw new CitadelError('conflict', 'cannot add to a merge that is over');
    try {
      return await work();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  private async take({ kind, body }: SnapshotRecord): Promise<void> {
    if (this.hasEnd) throw corruptSnapshot('a record after the last');
    if ((this.start === undefined) !== (kind === recordKind.start)) {
      throw corruptSnapshot('its first record is not the first');
    }
    switch (kind) {
      case recordKind.start:
        this.takeStart(decodeStart(body));
        break;
      case recordKind.tombstone:
        this.takeTombstone(body);
        break;
      case recordKind.frame:
        await this.takeFrame(body);
        break;
      case recordKind.partition:
        await this.takePartition(body);
        break;
      case recordKind.series:
        if (!this.isLeftOut) this.currentStage().openSeries(body.slice());
        break;
      case recordKind.chunk:
        if (!this.isLeftOut && this.currentStage().add(body.slice())) await this.writeChunks();
        break;
      case recordKind.end:
        this.takeEnd(body);
        return;
      default:
        throw unknownRecord(kind);
    }
    this.counts[kind]!++;
  }

  private async takeFrame(body: Uint8Array): Promise<void> {
    const record = decodeFrame(body);
    const own = this.names === undefined ? record : this.names.frame(record);
    if (own !== undefined && this.frames.add(own)) await this.writeFrames();
  }

  private async takePartition(body: Uint8Array): Promise<void> {
    await this.writeChunks();
    const record = decodePartition(body);
    const own = this.names === undefined ? record : this.names.partition(record);
    this.isLeftOut = own === undefined;
    this.chunks = own && new ChunkStage(this.state, own);
  }

  private currentStage(): ChunkStage {
    if (this.chunks === undefined) throw corruptSnapshot('a series outside of a partition');
    return this.chunks;
  }

  private takeStart(start: StartRecord): void {
    const { shard, shardCount } = this.state.options;
    if (start.shard !== shard || start.shardCount !== shardCount || start.namespace !== 0) {
      throw new CitadelError(
        'conflict',
        `cannot merge snapshot: it is of shard ${start.shard} of ${start.shardCount}, not of ${shard} of ${shardCount}`,
      );
    }
    if (!coversVersions(this.versions, start.gcVersions) && !isEmptyStore(this.state)) {
      throw new CitadelError(
        'conflict',
        'cannot merge snapshot: the store may hold what was deleted, and collected as garbage, without it',
      );
    }
    this.start = start;
  }

  private takeTombstone(body: Uint8Array): void {
    const tombstone = readTombstone(body);
    const own = this.names === undefined ? tombstone : this.names.tombstone(tombstone);
    if (own !== undefined) this.tombstones.push(own);
  }

  private takeEnd(body: Uint8Array): void {
    const counts = decodeEnd(body);
    const isWhole =
      counts.length === this.counts.length && counts.every((count, i) => count === this.counts[i]);
    if (!isWhole) throw corruptSnapshot('records are missing');
    this.hasEnd = true;
  }

  /** Deletes show before the rows that they hide. They are in no log here, so no lsn is theirs. */
  private applyTombstones(): void {
    const { state } = this;
    for (const { dbId, predicate, hlc, origin } of this.tombstones) {
      if (state.dropped.has(dbId)) continue;
      const known = state.tombstonesOf(dbId);
      if (known.some((other) => other.hlc === hlc && other.origin === origin)) continue;
      state.origins.numberOf(origin);
      const no = state.tombstoneNoNext++;
      state.tombstones.set(dbId, [...known, { no, dbId, predicate, hlc, origin, lsn: 0 }]);
    }
    this.tombstones = [];
  }

  private async writeFrames(): Promise<void> {
    if (this.frames.isEmpty) return;
    await this.alone(async () => {
      this.applyTombstones();
      const pacer = new Pacer(this.state.options.env);
      for (const file of await this.frames.write(pacer)) this.touched.add(file);
    });
  }

  private async writeChunks(): Promise<void> {
    const { chunks } = this;
    if (chunks === undefined || chunks.isEmpty) return;
    await this.alone(async () => {
      this.applyTombstones();
      const pacer = new Pacer(this.state.options.env);
      for (const file of await chunks.write(pacer)) this.touched.add(file);
    });
  }

  /** One transaction: from here on a file that was brought back from before the merge is noticed. */
  private async savePositions(start: StartRecord): Promise<void> {
    const { state, touched } = this;
    this.applyTombstones();
    await saveNames(state, [], [], new Pacer(state.options.env));
    const files = [...touched].filter((file) => file.exists && !file.doomed);
    const put = files.map((file) => ({ no: file.meta.fileId, body: encodeRecord(recordOf(file)) }));
    const { meta } = state.catalog;
    await state.catalog.commit([{ table: 'files', put, remove: [] }], {
      versions: joinVersions(meta.versions, start.versions),
      gcVersions: joinVersions(meta.gcVersions ?? {}, start.gcVersions),
      hlcMax: Math.max(meta.hlcMax, start.hlcMax),
    });
  }

  /** Everything that a damaged file held is in the snapshot, and so in the file's successor now. */
  private async replaceDamaged(): Promise<void> {
    const { state } = this;
    const files = this.damaged.filter((file) => !file.doomed);
    await retireFiles(state, files);
    for (const { path } of files) state.forgetFaults(path);
  }
}
