/**
 * Takes a snapshot of a store: tombstones, then the frames that were in memory at the call, then file by file
 * the chunks as they lie there, by series; at the end tombstones that came meanwhile.
 *
 * A file's directory is taken when its turn comes, so that a large store needs neither all directories in
 * memory nor all replaced rows kept. What a flush or compaction did since the call is then seen too: the
 * snapshot has more than it promises. It never has less: rows of the call are in the pinned frames or in
 * the files, tombstones that a later compaction applied follow at the end, and while the hold lasts none goes.
 */

import { hash64Into } from '../../base/hash.ts';
import { encodeStart, RecordWriter } from '../../model/snapshot-records.ts';
import type { SnapshotFacts } from '../../model/store-snapshot.ts';
import { joinVersions } from '../../model/versions.ts';
import { encodeTombstone, type Tombstone } from '../catalog/catalog-rows.ts';
import type { MemFrame } from '../memtable/memtable.ts';
import type { ChunkDirectory, ChunkRef } from '../partition/chunk-directory.ts';
import { loadDirectory, type PartitionFile, readRow } from '../partition/partition-file.ts';
import { damaged } from '../partition/partition-schema.ts';
import { chunksOf, seriesIdsOf } from '../partition/series-walk.ts';
import { noteDamage } from '../store/damage.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { encodeFrameHead, encodePartition, recordKind } from './records.ts';

/** What is seen of memory, taken in one turn. */
export interface PinnedStore {
  readonly facts: SnapshotFacts;
  readonly tombstones: readonly Tombstone[];
  /** Tombstones from this number on came later. */
  readonly tombstoneNoNext: number;
  readonly frames: readonly (readonly MemFrame[])[];
  readonly files: readonly PartitionFile[];
}

export function pinStore(state: StoreState, facts: SnapshotFacts): PinnedStore {
  const { gcVersions } = state.catalog.meta;
  const parts = state.memtables.flatMap((memtable) => [...memtable.parts.values()]);
  return {
    facts: { ...facts, gcVersions: joinVersions(facts.gcVersions, gcVersions ?? {}) },
    tombstones: [...state.tombstones.values()].flat(),
    tombstoneNoNext: state.tombstoneNoNext,
    frames: parts.map((part) => part.frames.slice()),
    files: [...state.files()],
  };
}

/** Rows of one file, of which the one read last from each layer is kept: neighbours share a row. */
class RowReading {
  private readonly last = new Map<unknown, { readonly no: number; readonly bytes: Uint8Array }>();
  private readonly state: StoreState;
  private readonly file: PartitionFile;

  constructor(state: StoreState, file: PartitionFile) {
    this.state = state;
    this.file = file;
  }

  /** Errors: `corrupt`. */
  chunk({ layer, at }: ChunkRef): Uint8Array {
    const no = layer.rowNos[at]!;
    let row = this.last.get(layer);
    if (row?.no !== no) {
      row = { no, bytes: readRow(this.file, no, layer.dataSums[at]!, this.state.options.readers) };
      this.last.set(layer, row);
    }
    const start = layer.starts[at]!;
    return row.bytes.subarray(start, start + layer.sizes[at]!);
  }
}

/** Pieces in order. Errors: `corrupt`, `cancelled`. */
export async function* streamStore(
  state: StoreState,
  pinned: PinnedStore,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const pacer = new Pacer(state.options.env, signal);
  const writer = new RecordWriter(recordKind.end, recordKind.end);
  const { shard, shardCount } = state.options;
  writer.put(recordKind.start, encodeStart({ ...pinned.facts, shard, shardCount, namespace: 0 }));
  putTombstones(writer, pinned.tombstones);
  for (const frames of pinned.frames) {
    for (const frame of frames) {
      putFrame(writer, state, frame);
      yield* writer.take();
      await pace(state, pacer);
    }
  }
  for (const file of pinned.files) yield* streamFile(state, file, writer, pacer);
  const later = [...state.tombstones.values()]
    .flat()
    .filter(({ no }) => no >= pinned.tombstoneNoNext);
  putTombstones(writer, later);
  yield* writer.finish();
}

async function pace(state: StoreState, pacer: Pacer): Promise<void> {
  if (pacer.isDue) await pacer.breathe();
  checkOpen(state, pacer);
}

function checkOpen(state: StoreState, pacer: Pacer): void {
  state.checkOpen();
  pacer.check();
}

function putTombstones(writer: RecordWriter, tombstones: readonly Tombstone[]): void {
  for (const tombstone of tombstones) writer.put(recordKind.tombstone, encodeTombstone(tombstone));
}

function putFrame(writer: RecordWriter, state: StoreState, frame: MemFrame): void {
  const origin = state.origins.names[frame.origin]!;
  writer.put(recordKind.frame, encodeFrameHead(frame.hlc, origin), frame.points.bytes);
}

async function* streamFile(
  state: StoreState,
  file: PartitionFile,
  writer: RecordWriter,
  pacer: Pacer,
): AsyncGenerator<Uint8Array> {
  // Dropped, expired or empty since the call: there is nothing to send.
  if (file.doomed) return;
  file.pins++;
  try {
    checkOpen(state, pacer);
    const directory = await loadDirectory(file, state.options.readers, pacer);
    yield* streamChunks(state, file, directory, writer, pacer);
  } catch (error) {
    noteDamage(state, error);
    throw error;
  } finally {
    file.pins--;
  }
}

async function* streamChunks(
  state: StoreState,
  file: PartitionFile,
  directory: ChunkDirectory,
  writer: RecordWriter,
  pacer: Pacer,
): AsyncGenerator<Uint8Array> {
  const { dbId, rpId } = file.meta;
  const index = state.database(dbId);
  const fields = [...file.fields.all()];
  const { bounds } = file;
  writer.put(recordKind.partition, encodePartition({ dbId, rpId, bounds, fields }));
  const rows = new RowReading(state, file);
  for (const seriesId of seriesIdsOf(directory)) {
    const slot = index.slotOfId(seriesId);
    if (slot < 0) throw damaged(file.path, `series ${seriesId}: it is not in the catalog`);
    const key = index.keyOf(slot);
    const chunks = chunksOf(directory, seriesId);
    checkOwner(file, key, chunks);
    writer.put(recordKind.series, key);
    for (const chunk of chunks) {
      writer.put(recordKind.chunk, rows.chunk(chunk));
      yield* writer.take();
      await pace(state, pacer);
    }
  }
}

const keyHash = new Uint32Array(2);

/** The chunks are of the series that the catalog says. */
function checkOwner(file: PartitionFile, key: Uint8Array, chunks: readonly ChunkRef[]): void {
  hash64Into(key, keyHash);
  for (const { layer, at } of chunks) {
    const isOwner =
      layer.keyHashes[at * 2] === keyHash[0] && layer.keyHashes[at * 2 + 1] === keyHash[1];
    if (!isOwner) throw damaged(file.path, `row ${layer.rowNos[at]}: a chunk of another series`);
  }
}
