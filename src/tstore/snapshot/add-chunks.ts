/** Adds chunks that come from elsewhere to a partition file, in one transaction, but for those it has already. */

import { equalBytes } from '../../base/bytes.ts';
import { hash64Into } from '../../base/hash.ts';
import { type ChunkView, decodeStamps, openChunk } from '../chunk/chunk.ts';
import { rewriteHead } from '../chunk/rewrite-head.ts';
import type { FieldBook } from '../flush/flush-file.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import type { ChunkDirectory } from '../partition/chunk-directory.ts';
import { changePartition } from '../partition/partition-change.ts';
import { loadDirectory, type PartitionFile, readRow } from '../partition/partition-file.ts';
import type { PartitionSet } from '../partition/partition-set.ts';
import type { ChunkEntry } from '../partition/row-entries.ts';
import { RowPacker } from '../partition/row-packer.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';

export interface ArrivedChunk {
  readonly slot: number;
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
  /** Start of the sender's partition less that of the file, ns. */
  readonly shift: number;
}

export interface FieldMap {
  readonly book: FieldBook;
  /** The file's number for one of the sender's; noted in the book. */
  readonly numberOf: (no: number) => number;
}

export interface ChunkArrival {
  readonly file: PartitionFile;
  readonly set: PartitionSet;
  readonly index: DatabaseIndex;
  readonly chunks: readonly ArrivedChunk[];
  readonly fields: FieldMap;
}

interface NewChunk {
  readonly entry: ChunkEntry;
  readonly bytes: Uint8Array;
}

/** Least stamp of any cell; what is said of rows without a value may make it lower, which only costs work. */
function leastStamp(view: ChunkView): { hlcMin: number; stamped: boolean } {
  let hlcMin = Number.POSITIVE_INFINITY;
  let stamped = false;
  view.columns.forEach((_, i) => {
    const runs = decodeStamps(view, i);
    if (runs === undefined) {
      hlcMin = Math.min(hlcMin, view.stableHlc);
      return;
    }
    stamped = true;
    for (const hlc of runs.hlcs) hlcMin = Math.min(hlcMin, hlc === 0 ? view.stableHlc : hlc);
  });
  return { hlcMin, stamped };
}

const keyHash = new Uint32Array(2);

function adapt(chunk: ArrivedChunk, index: DatabaseIndex, fields: FieldMap): NewChunk {
  const { shift, slot } = chunk;
  const before = openChunk(chunk.bytes);
  const isSame =
    shift === 0 && before.columns.every(({ field }) => fields.numberOf(field) === field);
  const fieldNo = fields.numberOf;
  const bytes = isSame ? chunk.bytes : rewriteHead(chunk.bytes, { fieldNo, shift });
  const view = isSame ? before : openChunk(bytes);
  hash64Into(chunk.key, keyHash);
  const entry: ChunkEntry = {
    seriesId: index.idOf(slot),
    hashLow: keyHash[0]!,
    hashHigh: keyHash[1]!,
    size: bytes.length,
    min: view.firstOffset,
    max: view.lastOffset,
    pointCount: view.rowCount,
    stableHlc: view.stableHlc,
    ...leastStamp(view),
    // Numbers of tombstones mean nothing elsewhere: all that are known here are looked at.
    tombstoneNo: 0,
  };
  return { entry, bytes };
}

/** Whether the very same chunk is there: a snapshot that is merged again adds nothing. */
function isThere(
  state: StoreState,
  file: PartitionFile,
  directory: ChunkDirectory,
  { entry, bytes }: NewChunk,
): boolean {
  return directory.find(entry.seriesId, entry.min, entry.max).some(({ layer, at }) => {
    const isAlike =
      layer.mins[at] === entry.min &&
      layer.maxs[at] === entry.max &&
      layer.sizes[at] === entry.size &&
      layer.pointCounts[at] === entry.pointCount &&
      layer.stableHlcs[at] === entry.stableHlc;
    if (!isAlike) return false;
    const row = readRow(file, layer.rowNos[at]!, layer.dataSums[at]!, state.options.readers);
    const start = layer.starts[at]!;
    return equalBytes(row.subarray(start, start + entry.size), bytes);
  });
}

/** Durable when it resolves; the file's lsn stays what it is. Errors: `corrupt`, `disk-full`. */
export async function addChunks(
  state: StoreState,
  { file, index, chunks, fields }: ChunkArrival,
  pacer: Pacer,
): Promise<void> {
  const { readers, writer } = state.options;
  const directory = await loadDirectory(file, readers, pacer);
  const arrived: NewChunk[] = [];
  for (const chunk of chunks) {
    const made = adapt(chunk, index, fields);
    if (!isThere(state, file, directory, made)) arrived.push(made);
    if (pacer.isDue) await pacer.breathe();
  }
  if (arrived.length === 0) return;
  arrived.sort((a, b) => a.entry.seriesId - b.entry.seriesId || a.entry.min - b.entry.min);
  const packer = new RowPacker(file.meta.rowNoNext);
  for (const { entry, bytes } of arrived) {
    packer.add(entry, bytes);
    if (pacer.isDue) await pacer.breathe();
  }
  // Tombstones that every chunk of the file was clean of may hide cells of these.
  file.cleanTombstoneNo = 0;
  await changePartition(
    file,
    {
      packed: packer.finish(),
      replaced: [],
      fields: [...fields.book.changed.values()],
      lsn: undefined,
      purge: file.pins === 0 ? file.garbage : [],
    },
    writer,
    pacer,
  );
}
