/** Tables of a partition file, and its meta row. Layout: docs/formats/tstore.md. */

import { CitadelError } from '../../base/errors.ts';
import type { FileSchema } from '../../sqlite/job.ts';
import type { SqliteReader } from '../../sqlite/sqlite.ts';
import type { Bounds } from './partition-bounds.ts';
import { type Digest, rowSum } from './row-digest.ts';

export const partitionFormat = { magic: 'citadel-partition', version: 1 } as const;

/** Numbers of tables in checksums. */
export const partitionTable = { meta: 1, fields: 2, rows: 3, garbage: 4 } as const;

export const partitionSchema: FileSchema = {
  applicationId: 0x43545046,
  formatVersion: partitionFormat.version,
  pageSize: 8192,
  create: [
    'CREATE TABLE meta (no INTEGER PRIMARY KEY, body BLOB NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    'CREATE TABLE fields (no INTEGER PRIMARY KEY, body BLOB NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    'CREATE TABLE rows (no INTEGER PRIMARY KEY, entries BLOB NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    'CREATE TABLE garbage (no INTEGER PRIMARY KEY, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    // Large blobs: a table with a rowid keeps them out of the inner pages.
    'CREATE TABLE data (no INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT',
  ],
};

export interface PartitionMeta {
  readonly magic: string;
  readonly version: number;
  /** No flag is known yet: compressed and encrypted files come with later versions. */
  readonly flags: number;
  readonly shard: number;
  readonly shardCount: number;
  readonly namespace: number;
  readonly dbId: string;
  readonly rpId: string;
  readonly fileId: number;
  readonly start: string;
  readonly end: string;
  /** Every entry of the log up to here that has rows in this file's range is in it. */
  readonly lsn: number;
  /** Counts transactions. */
  readonly generation: number;
  readonly rowNoNext: number;
  readonly rows: Digest;
  readonly fields: Digest;
  readonly garbage: Digest;
}

export function boundsOf(meta: PartitionMeta): Bounds {
  return { start: BigInt(meta.start), end: BigInt(meta.end) };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function encodeMeta(meta: object): Uint8Array {
  return encoder.encode(JSON.stringify(meta));
}

export function damaged(file: string, place: string): CitadelError {
  return new CitadelError('corrupt', `cannot read ${file} at ${place}`, { details: { file } });
}

/** Body of the one row of `meta`, checked. */
export function readMetaBody(reader: SqliteReader, table: number): unknown {
  const row = reader.get('SELECT body, sum FROM meta WHERE no = 1', []);
  if (row === undefined) throw damaged(reader.file, 'meta row');
  const [body, sum] = row;
  if (!(body instanceof Uint8Array) || rowSum(table, 1, body) !== sum) {
    throw damaged(reader.file, 'meta row');
  }
  return JSON.parse(decoder.decode(body));
}

function hasOwnMeta(reader: SqliteReader, table: number, version: number): boolean {
  try {
    return (readMetaBody(reader, table) as { version?: unknown }).version === version;
  } catch {
    // A file of another version may have no such row at all.
    return false;
  }
}

/** `table`: number of the meta table in checksums. Errors: `corrupt`, `unsupported-version`. */
export function checkFileKind(reader: SqliteReader, schema: FileSchema, table: number): void {
  if (reader.applicationId !== schema.applicationId) throw damaged(reader.file, 'file header');
  if (reader.formatVersion === schema.formatVersion) return;
  // The meta row has a checksum, the header of SQLite has none: the row decides what the file is.
  if (hasOwnMeta(reader, table, schema.formatVersion)) throw damaged(reader.file, 'file header');
  throw new CitadelError(
    'unsupported-version',
    `cannot read ${reader.file}: format version ${reader.formatVersion} needs a later release`,
    { details: { file: reader.file, version: reader.formatVersion } },
  );
}

export function readPartitionMeta(reader: SqliteReader): PartitionMeta {
  checkFileKind(reader, partitionSchema, partitionTable.meta);
  const meta = readMetaBody(reader, partitionTable.meta) as PartitionMeta;
  if (meta.magic !== partitionFormat.magic || meta.flags !== 0) {
    throw damaged(reader.file, 'meta row');
  }
  return meta;
}
