/** Tables and meta row of a shard's catalog database. Layout: docs/formats/tstore.md. */

import type { FileSchema } from '../../sqlite/job.ts';
import type { SqliteReader } from '../../sqlite/sqlite.ts';
import { checkFileKind, damaged, readMetaBody } from '../partition/partition-schema.ts';
import { type Digest, emptyDigest } from '../partition/row-digest.ts';

export const catalogFormat = { magic: 'citadel-catalog', version: 1 } as const;

/** Numbers of tables in checksums. */
export const catalogTable = { meta: 11, series: 12, tombstones: 13, files: 14, drops: 15 } as const;

/** Tables of (no, body, sum) rows. */
export type CatalogTableName = 'series' | 'tombstones' | 'files' | 'drops';
export const catalogTables: readonly CatalogTableName[] = [
  'series',
  'tombstones',
  'files',
  'drops',
];

const table = (name: string) =>
  `CREATE TABLE ${name} (no INTEGER PRIMARY KEY, body BLOB NOT NULL, sum INTEGER NOT NULL) STRICT`;

export const catalogSchema: FileSchema = {
  applicationId: 0x43544354,
  formatVersion: catalogFormat.version,
  pageSize: 4096,
  create: [
    `${table('meta')}, WITHOUT ROWID`,
    // Blocks of series are kilobytes long: a table with a rowid keeps them out of the inner pages.
    table('series'),
    `${table('tombstones')}, WITHOUT ROWID`,
    `${table('files')}, WITHOUT ROWID`,
    `${table('drops')}, WITHOUT ROWID`,
  ],
};

export interface CatalogMeta {
  readonly magic: string;
  readonly version: number;
  readonly flags: number;
  readonly shard: number;
  readonly shardCount: number;
  readonly namespace: number;
  readonly replayFrom: number;
  readonly versions: Readonly<Record<string, number>>;
  readonly hlcMax: number;
  /** What was collected as garbage, origin -> sequence; catalogs before 0.2 have none. */
  readonly gcVersions?: Readonly<Record<string, number>>;
  readonly seriesIdNext: number;
  readonly fileIdNext: number;
  readonly tombstoneNoNext: number;
  readonly blockNoNext: number;
  readonly dropNoNext: number;
  readonly digests: Readonly<Record<CatalogTableName, Digest>>;
}

export const emptyDigests: Readonly<Record<CatalogTableName, Digest>> = {
  series: emptyDigest,
  tombstones: emptyDigest,
  files: emptyDigest,
  drops: emptyDigest,
};

export function firstCatalogMeta(shard: number, shardCount: number): CatalogMeta {
  return {
    magic: catalogFormat.magic,
    version: catalogFormat.version,
    flags: 0,
    shard,
    shardCount,
    namespace: 0,
    replayFrom: 0,
    versions: {},
    hlcMax: 0,
    gcVersions: {},
    seriesIdNext: 1,
    fileIdNext: 1,
    tombstoneNoNext: 1,
    blockNoNext: 1,
    dropNoNext: 1,
    digests: emptyDigests,
  };
}

/** Errors: `corrupt`, `unsupported-version`. */
export function readCatalogMeta(reader: SqliteReader): CatalogMeta {
  checkFileKind(reader, catalogSchema, catalogTable.meta);
  const meta = readMetaBody(reader, catalogTable.meta) as CatalogMeta;
  if (meta.magic !== catalogFormat.magic || meta.flags !== 0) {
    throw damaged(reader.file, 'meta row');
  }
  return meta;
}
