/**
 * The catalog database of a shard replica: what must be known before any other file can be understood.
 *
 * All rows have the shape (no, body, sum); the meta row holds positions, counters and a digest of each
 * table. One transaction at a time; memory follows when it is durable.
 */

import type { StatementBatch } from '../../sqlite/job.ts';
import type { SqliteReaders, SqliteWriter } from '../../sqlite/sqlite.ts';
import type { Breather } from '../partition/breather.ts';
import { blobs, metaBatch, numbers } from '../partition/partition-change.ts';
import { damaged } from '../partition/partition-schema.ts';
import {
  addToDigest,
  type Digest,
  emptyDigest,
  equalDigests,
  removeFromDigest,
  rowSum,
} from '../partition/row-digest.ts';
import {
  type CatalogMeta,
  type CatalogTableName,
  catalogSchema,
  catalogTable,
  catalogTables,
  emptyDigests,
  firstCatalogMeta,
  readCatalogMeta,
} from './catalog-schema.ts';

const rowsPerRead = 512;

export interface CatalogRow {
  readonly no: number;
  readonly body: Uint8Array;
}

export interface TableChange {
  readonly table: CatalogTableName;
  /** Inserted, or replaced when the number is there. */
  readonly put: readonly CatalogRow[];
  readonly remove: readonly number[];
}

export type CatalogMetaChange = Partial<Omit<CatalogMeta, 'digests'>>;

export class CatalogFile {
  readonly path: string;
  meta: CatalogMeta;
  private readonly readers: SqliteReaders;
  private readonly writer: SqliteWriter;
  /** Checksum of every row, to keep digests without reading. */
  private readonly sums: Record<CatalogTableName, Map<number, number>> = {
    series: new Map(),
    tombstones: new Map(),
    files: new Map(),
    drops: new Map(),
  };

  constructor(path: string, meta: CatalogMeta, readers: SqliteReaders, writer: SqliteWriter) {
    this.path = path;
    this.meta = meta;
    this.readers = readers;
    this.writer = writer;
  }

  /** Calls `take` for every row of a table, by number. Errors: `corrupt`, naming table and row. */
  async read(
    table: CatalogTableName,
    pace: Breather,
    take: (no: number, body: Uint8Array) => void,
  ): Promise<void> {
    const sql = `SELECT no, body, sum FROM ${table} WHERE no > ? ORDER BY no LIMIT ${rowsPerRead}`;
    let digest: Digest = emptyDigest;
    let last = -1;
    for (;;) {
      const rows = this.readers.reader(this.path).all(sql, [last]);
      for (const [number, body, sum] of rows) {
        const no = number as number;
        if (!(body instanceof Uint8Array) || rowSum(catalogTable[table], no, body) !== sum) {
          throw damaged(this.path, `${table} ${no}`);
        }
        take(no, body);
        this.sums[table].set(no, sum);
        digest = addToDigest(digest, sum);
        last = no;
      }
      if (rows.length < rowsPerRead) break;
      await pace.breathe();
    }
    if (!equalDigests(digest, this.meta.digests[table])) throw damaged(this.path, `table ${table}`);
  }

  /** Reads and checks every row. Errors: `corrupt`. */
  async verify(pace: Breather): Promise<void> {
    readCatalogMeta(this.readers.reader(this.path));
    for (const table of catalogTables) await this.read(table, pace, () => undefined);
  }

  /** Durable when it resolves. */
  async commit(changes: readonly TableChange[], meta: CatalogMetaChange): Promise<void> {
    const digests = { ...this.meta.digests };
    const batches: StatementBatch[] = [];
    const news: (() => void)[] = [];
    for (const change of changes) {
      const planned = this.plan(change, digests[change.table]);
      digests[change.table] = planned.digest;
      batches.push(...planned.batches);
      news.push(planned.apply);
    }
    const next: CatalogMeta = { ...this.meta, ...meta, digests };
    batches.push(metaBatch(catalogTable.meta, next));
    await this.writer.run({
      kind: 'write',
      file: this.path,
      schema: catalogSchema,
      batches,
      checkpoint: true,
    });
    this.meta = next;
    for (const apply of news) apply();
  }

  /**
   * A new file in place of a damaged one, which goes to `setAside`: made beside it, then renamed. Durable when it resolves;
   * cut short, it is finished by `finishRewrite`.
   */
  async rewrite(
    tables: Readonly<Record<CatalogTableName, CatalogRow[]>>,
    setAside: string,
  ): Promise<void> {
    const { readers, writer, path } = this;
    const place = newCatalogPath(path);
    await writer.run({ kind: 'remove', path: place });
    const digests = { ...emptyDigests };
    const next = new CatalogFile(place, { ...this.meta, digests }, readers, writer);
    const puts = catalogTables.map((table) => ({ table, put: tables[table], remove: [] }));
    await next.commit(puts, {});
    readers.forget(place);
    readers.forget(path);
    await writer.run({ kind: 'move', from: path, to: setAside });
    await writer.run({ kind: 'move', from: place, to: path });
    this.meta = next.meta;
    for (const table of catalogTables) {
      this.sums[table].clear();
      for (const [no, sum] of next.sums[table]) this.sums[table].set(no, sum);
    }
  }

  private plan(change: TableChange, before: Digest) {
    const { table, put, remove } = change;
    const sums = this.sums[table];
    const newSums = put.map(({ no, body }) => rowSum(catalogTable[table], no, body));
    let digest = before;
    for (const no of [...remove, ...put.map((row) => row.no)]) {
      const old = sums.get(no);
      if (old !== undefined) digest = removeFromDigest(digest, old);
    }
    for (const sum of newSums) digest = addToDigest(digest, sum);
    const batches: StatementBatch[] = [];
    if (remove.length > 0) {
      batches.push({
        sql: `DELETE FROM ${table} WHERE no = ?`,
        rowCount: remove.length,
        parameters: [numbers(remove)],
      });
    }
    if (put.length > 0) {
      batches.push({
        sql: `INSERT OR REPLACE INTO ${table} (no, body, sum) VALUES (?, ?, ?)`,
        rowCount: put.length,
        parameters: [
          numbers(put.map((row) => row.no)),
          blobs(put.map((row) => row.body)),
          numbers(newSums),
        ],
      });
    }
    const apply = () => {
      for (const no of remove) sums.delete(no);
      put.forEach(({ no }, i) => {
        sums.set(no, newSums[i]!);
      });
    };
    return { digest, batches, apply };
  }
}

/** Where a catalog is made that takes the place of a damaged one. */
export function newCatalogPath(path: string): string {
  return path.replace(/\.db$/, '-new.db');
}

/** The catalog of a new shard is made at once, so that a missing one is always a loss. */
export async function createCatalog(
  path: string,
  identity: { readonly shard: number; readonly shardCount: number },
  readers: SqliteReaders,
  writer: SqliteWriter,
): Promise<CatalogFile> {
  const meta = firstCatalogMeta(identity.shard, identity.shardCount);
  const catalog = new CatalogFile(path, meta, readers, writer);
  await catalog.commit(
    catalogTables.map((table) => ({ table, put: [], remove: [] })),
    {},
  );
  return catalog;
}

export function openCatalog(
  path: string,
  readers: SqliteReaders,
  writer: SqliteWriter,
): CatalogFile {
  return new CatalogFile(path, readCatalogMeta(readers.reader(path)), readers, writer);
}
