/**
 * One partition file as its store knows it: identity, field numbers, directory of chunks, damage.
 *
 * The meta row and the field table are read at open, the directory when first needed. The thread that owns
 * the store is the only one that has the file changed, so what is here is what is there.
 */

import { crc32 } from 'node:zlib';
import { CitadelError } from '../../base/errors.ts';
import type { SqliteReader, SqliteReaders } from '../../sqlite/sqlite.ts';
import { openChunk } from '../chunk/chunk.ts';
import type { CachedChunk, CachedRow, ReadCache } from '../read-cache.ts';
import type { Breather } from './breather.ts';
import { ChunkDirectory, type DirectoryLayer, LayerBuilder } from './chunk-directory.ts';
import type { Bounds } from './partition-bounds.ts';
import { decodeField, PartitionFields } from './partition-fields.ts';
import {
  boundsOf,
  damaged,
  type PartitionMeta,
  partitionTable,
  readPartitionMeta,
} from './partition-schema.ts';
import { addToDigest, type Digest, emptyDigest, equalDigests, rowSum } from './row-digest.ts';
import { decodeRowEntries } from './row-entries.ts';

const rowsPerRead = 512;
let serialNext = 1;
let useNext = 1;

export class PartitionFile {
  readonly path: string;
  readonly bounds: Bounds;
  /** Unique in the process: the file's part of cache keys. */
  readonly serial: number;
  meta: PartitionMeta;
  fields = new PartitionFields();
  directory: ChunkDirectory | undefined;
  /** Grows with every use of the directory. */
  lastUse = 0;
  /** Rows that were replaced and are still in the table `data`. */
  garbage: number[] = [];
  /** Why it is not written any more. */
  quarantine: string | undefined;
  quarantineSaved = false;
  /** Why nothing of it can be trusted: whoever touches its range gets this. */
  unreadable: CitadelError | undefined;
  /** No chunk has cells that a tombstone up to this number hides; found out anew after each start. */
  cleanTombstoneNo = 0;
  /** Generation at which compaction found nothing to merge. */
  settledGeneration = -1;
  /** Scans that see it. */
  pins = 0;
  /** Dropped or expired: no new scan sees it. */
  doomed = false;
  /** False until its first transaction. */
  exists: boolean;

  constructor(path: string, meta: PartitionMeta, exists: boolean) {
    this.path = path;
    this.meta = meta;
    this.bounds = boundsOf(meta);
    this.serial = serialNext++;
    this.exists = exists;
    if (!exists) this.directory = ChunkDirectory.empty;
  }

  cacheKey(rowNo: number): number {
    return this.serial * 4294967296 + rowNo;
  }
}

/** Reads identity and fields. Errors: `corrupt`, `unsupported-version`, `not-found`. */
export function openPartition(path: string, readers: SqliteReaders): PartitionFile {
  const reader = readers.reader(path);
  const file = new PartitionFile(path, readPartitionMeta(reader), true);
  readFields(reader, file);
  file.garbage = readGarbage(reader, file.meta.garbage);
  return file;
}

function readFields(reader: SqliteReader, file: PartitionFile): void {
  let digest: Digest = emptyDigest;
  for (const [no, body, sum] of reader.all('SELECT no, body, sum FROM fields', [])) {
    const isSound =
      body instanceof Uint8Array && rowSum(partitionTable.fields, no as number, body) === sum;
    const field = isSound ? decodeField(no as number, body) : undefined;
    if (field === undefined) throw damaged(file.path, `field ${no}`);
    file.fields.set(field);
    digest = addToDigest(digest, sum as number);
  }
  if (!equalDigests(digest, file.meta.fields)) throw damaged(file.path, 'table of fields');
}

const noBytes = new Uint8Array(0);

function readGarbage(reader: SqliteReader, expected: Digest): number[] {
  const found: number[] = [];
  let digest: Digest = emptyDigest;
  for (const [no, sum] of reader.all('SELECT no, sum FROM garbage', [])) {
    if (rowSum(partitionTable.garbage, no as number, noBytes) !== sum) {
      throw damaged(reader.file, `garbage ${no}`);
    }
    found.push(no as number);
    digest = addToDigest(digest, sum as number);
  }
  if (!equalDigests(digest, expected)) throw damaged(reader.file, 'table of garbage');
  return found;
}

/** The directory, read in pieces. Errors: `corrupt`. */
export async function loadDirectory(
  file: PartitionFile,
  readers: SqliteReaders,
  pace: Breather,
): Promise<ChunkDirectory> {
  if (file.unreadable !== undefined) throw file.unreadable;
  file.lastUse = useNext++;
  while (file.directory === undefined) {
    const { generation } = file.meta;
    const layers = await tryReadRows(file, readers, pace);
    const directory = layers && (await ChunkDirectory.ofLayers(layers, pace));
    // A transaction in between, or another reader that was quicker: look again.
    if (file.directory === undefined && file.meta.generation === generation) {
      file.directory = directory;
    }
  }
  return file.directory;
}

/** Without a directory nothing of the file can be found. */
async function tryReadRows(
  file: PartitionFile,
  readers: SqliteReaders,
  pace: Breather,
): Promise<DirectoryLayer[] | undefined> {
  try {
    return await readRows(file, readers, pace);
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'corrupt') file.unreadable = error;
    throw error;
  }
}

async function readRows(
  file: PartitionFile,
  readers: SqliteReaders,
  pace: Breather,
): Promise<DirectoryLayer[] | undefined> {
  const sql = `SELECT no, entries, sum FROM rows WHERE no > ? ORDER BY no LIMIT ${rowsPerRead}`;
  const { generation } = file.meta;
  const builder = new LayerBuilder();
  let digest: Digest = emptyDigest;
  let last = -1;
  for (;;) {
    const part = readers.reader(file.path).all(sql, [last]);
    if (file.meta.generation !== generation) return undefined;
    for (const [no, entries, sum] of part) {
      const isSound =
        entries instanceof Uint8Array && rowSum(partitionTable.rows, no as number, entries) === sum;
      if (!isSound) throw damaged(file.path, `directory row ${no}`);
      const { dataSum, chunks } = decodeRowEntries(entries);
      builder.addRow(no as number, dataSum, chunks);
      digest = addToDigest(digest, sum as number);
      last = no as number;
    }
    if (part.length < rowsPerRead) break;
    await pace.breathe();
  }
  if (file.meta.generation !== generation) return undefined;
  if (!equalDigests(digest, file.meta.rows)) throw damaged(file.path, 'directory of rows');
  return builder.finish();
}

/** Bytes of a stored row, checked against the directory. Errors: `corrupt`. */
export function readRow(
  file: PartitionFile,
  rowNo: number,
  dataSum: number,
  readers: SqliteReaders,
): Uint8Array {
  const found = readers.reader(file.path).get('SELECT bytes FROM data WHERE no = ?', [rowNo]);
  const bytes = found?.[0];
  if (!(bytes instanceof Uint8Array) || crc32(bytes) !== dataSum) {
    throw damaged(file.path, `row ${rowNo}`);
  }
  return bytes;
}

/** A smaller chunk is opened again sooner than its objects are worth keeping: they are 30 times its bytes. */
const keptRowsMin = 16;
/** Objects of an opened chunk and of each of its columns, measured with a million of them. */
const chunkOverhead = 1000;
const columnOverhead = 300;

/** A chunk does not know where it lies: its errors get the file and the row. */
export function namingRow<T>(file: PartitionFile, rowNo: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CitadelError)) throw error;
    const message = `cannot read ${file.path} at row ${rowNo}: ${error.message}`;
    throw new CitadelError(error.code, message, { cause: error, details: { file: file.path } });
  }
}

export interface ReadingTools {
  readonly readers: SqliteReaders;
  readonly cache: ReadCache;
}

/** An opened chunk, from the cache if it is there. Errors: `corrupt`. */
export function readChunk(
  file: PartitionFile,
  layer: DirectoryLayer,
  at: number,
  tools: ReadingTools,
): CachedChunk {
  const rowNo = layer.rowNos[at]!;
  const key = file.cacheKey(rowNo);
  let row: CachedRow | undefined = tools.cache.get(key);
  if (row === undefined) {
    const bytes = readRow(file, rowNo, layer.dataSums[at]!, tools.readers);
    row = { bytes, chunks: new Map() };
    tools.cache.put(key, row);
  }
  const start = layer.starts[at]!;
  let chunk = row.chunks.get(start);
  if (chunk === undefined) {
    const bytes = row.bytes.subarray(start, start + layer.sizes[at]!);
    const view = namingRow(file, rowNo, () => openChunk(bytes));
    const isKept = view.rowCount >= keptRowsMin;
    chunk = { view, isKept, times: undefined, columns: [] };
    if (isKept) {
      row.chunks.set(start, chunk);
      tools.cache.grow(key, chunkOverhead + view.columns.length * columnOverhead);
    }
  }
  return chunk;
}
