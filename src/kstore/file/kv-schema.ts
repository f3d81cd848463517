/** Tables of a file of keys, and its meta row. Layout: docs/formats/kstore.md. */

import { CitadelError } from '../../base/errors.ts';
import type { FileSchema, StatementBatch } from '../../sqlite/job.ts';
import type { SqliteReader } from '../../sqlite/sqlite.ts';
import { metaSum } from './row-layout.ts';

export const kvFormat = { magic: 'citadel-kv', version: 1 } as const;

/** Numbers of tables in checksums. */
export const kvTable = { meta: 21, tables: 22 } as const;
export const kvTableNames = ['meta', 'tables', 'rows', 'graves'] as const;

export const kvSchema: FileSchema = {
  applicationId: 0x43544b56,
  formatVersion: kvFormat.version,
  pageSize: 4096,
  create: [
    'CREATE TABLE meta (no INTEGER PRIMARY KEY, body BLOB NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    'CREATE TABLE tables (no INTEGER PRIMARY KEY, body BLOB NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    'CREATE TABLE rows (k BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID',
    // Stamp and key of deletes, so that they are found without reading all rows.
    'CREATE TABLE graves (g BLOB PRIMARY KEY) STRICT, WITHOUT ROWID',
  ],
};

export interface KvMeta {
  readonly magic: string;
  readonly version: number;
  /** No flag is known yet. */
  readonly flags: number;
  readonly shard: number;
  readonly shardCount: number;
  readonly namespace: number;
  /** Numbers of earlier files that were set aside as damaged and are still read. */
  readonly older: readonly number[];
  readonly replayFrom: number;
  readonly versions: Readonly<Record<string, number>>;
  readonly hlcMax: number;
  readonly gcVersions: Readonly<Record<string, number>>;
  /** No row of this file has a greater stamp. */
  readonly rowHlcMax: number;
  readonly tableNoNext: number;
  /** Counts transactions. */
  readonly generation: number;
}

export function firstMeta(shard: number, shardCount: number): KvMeta {
  return {
    magic: kvFormat.magic,
    version: kvFormat.version,
    flags: 0,
    shard,
    shardCount,
    namespace: 0,
    older: [],
    replayFrom: 0,
    versions: {},
    hlcMax: 0,
    gcVersions: {},
    rowHlcMax: 0,
    tableNoNext: 1,
    generation: 0,
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function damaged(file: string, place: string): CitadelError {
  return new CitadelError('corrupt', `cannot read ${file} at ${place}`, { details: { file } });
}

/** Rows (no, body, sum), inserted or replaced. */
export function putNumbered(
  table: keyof typeof kvTable,
  rows: readonly { readonly no: number; readonly body: Uint8Array }[],
): StatementBatch {
  const bytes = new Uint8Array(rows.reduce((sum, { body }) => sum + body.length, 0));
  const ends = new Float64Array(rows.length);
  const sums = new Float64Array(rows.length);
  let at = 0;
  rows.forEach(({ no, body }, i) => {
    bytes.set(body, at);
    at += body.length;
    ends[i] = at;
    sums[i] = metaSum(kvTable[table], no, body);
  });
  return {
    sql: `INSERT OR REPLACE INTO ${table} (no, body, sum) VALUES (?, ?, ?)`,
    rowCount: rows.length,
    parameters: [
      { kind: 'number', values: Float64Array.from(rows, ({ no }) => no) },
      { kind: 'blob', bytes, ends },
      { kind: 'number', values: sums },
    ],
  };
}

export function putMeta(meta: KvMeta): StatementBatch {
  return putNumbered('meta', [{ no: 1, body: encoder.encode(JSON.stringify(meta)) }]);
}

function readMetaBody(reader: SqliteReader): KvMeta {
  const row = reader.get('SELECT body, sum FROM meta WHERE no = 1', []);
  const [body, sum] = row ?? [];
  if (!(body instanceof Uint8Array) || metaSum(kvTable.meta, 1, body) !== sum) {
    throw damaged(reader.file, 'meta row');
  }
  return JSON.parse(decoder.decode(body)) as KvMeta;
}

function hasOwnMeta(reader: SqliteReader): boolean {
  try {
    return readMetaBody(reader).version === kvFormat.version;
  } catch {
    // A file of another version may have no such row at all.
    return false;
  }
}

/** @throws CitadelError `corrupt`, `unsupported-version` */
export function readMeta(reader: SqliteReader): KvMeta {
  const { file } = reader;
  if (reader.applicationId !== kvSchema.applicationId) throw damaged(file, 'file header');
  if (reader.formatVersion !== kvSchema.formatVersion) {
    // The meta row has a checksum, the header of SQLite has none: the row decides what the file is.
    if (hasOwnMeta(reader)) throw damaged(file, 'file header');
    throw new CitadelError(
      'unsupported-version',
      `cannot read ${file}: format version ${reader.formatVersion} needs a later release`,
      { details: { file, version: reader.formatVersion } },
    );
  }
  const meta = readMetaBody(reader);
  if (meta.magic !== kvFormat.magic || meta.flags !== 0) throw damaged(file, 'meta row');
  return meta;
}
