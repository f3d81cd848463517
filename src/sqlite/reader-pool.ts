/**
 * Read-only handles of one thread, the least recently used closed when too many are open.
 *
 * A handle holds no transaction between calls, so a checkpoint never waits for a reader.
 */

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CitadelError } from '../base/errors.ts';
import { type Connection, Database, type Statement } from './driver.ts';
import type { SqliteReader, SqliteReaders, SqlValue } from './sqlite.ts';
import { describeSqliteError } from './sqlite-error.ts';

const busyTimeoutMs = 5000;
/** In KiB, each handle: the engine has a cache of its own, SQLite's needs only the inner pages. */
const pageCacheKibDefault = 128;

class FileReader implements SqliteReader {
  readonly file: string;
  readonly applicationId: number;
  readonly formatVersion: number;
  private readonly database: Connection;
  private readonly statements = new Map<string, Statement<SqlValue[], SqlValue[]>>();

  constructor(file: string, database: Connection) {
    this.file = file;
    this.database = database;
    this.applicationId = database.pragma('application_id', { simple: true }) as number;
    this.formatVersion = database.pragma('user_version', { simple: true }) as number;
  }

  private statement(sql: string, bigints: boolean): Statement<SqlValue[], SqlValue[]> {
    const key = bigints ? `b:${sql}` : sql;
    let statement = this.statements.get(key);
    if (statement === undefined) {
      statement = this.database.prepare<SqlValue[], SqlValue[]>(sql).raw(true);
      statement.safeIntegers(bigints);
      this.statements.set(key, statement);
    }
    return statement;
  }

  private guard<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw describeSqliteError(error, 'read', this.file);
    }
  }

  all(sql: string, parameters: readonly SqlValue[], bigints = false): readonly SqlValue[][] {
    return this.guard(() => this.statement(sql, bigints).all(...parameters));
  }

  get(
    sql: string,
    parameters: readonly SqlValue[],
    bigints = false,
  ): readonly SqlValue[] | undefined {
    return this.guard(() => this.statement(sql, bigints).get(...parameters));
  }

  isUnfilled(tables: readonly string[]): boolean {
    const found = new Set(this.all('SELECT name FROM sqlite_schema', []).map(([name]) => name));
    if (found.size === 0) return true;
    const isEmpty = (table: string) => this.get(`SELECT 1 FROM ${table} LIMIT 1`, []) === undefined;
    return tables.every((table) => found.has(table) && isEmpty(table));
  }

  integrityFaults(): readonly string[] {
    const rows = this.guard(() => this.database.pragma('integrity_check(20)')) as {
      integrity_check: string;
    }[];
    const found = rows.map((row) => row.integrity_check);
    return found.length === 1 && found[0] === 'ok' ? [] : found;
  }

  close(): void {
    this.statements.clear();
    this.database.close();
  }
}

class ReaderPool implements SqliteReaders {
  private readonly root: string;
  private readonly handlesMax: number;
  private readonly pageCacheKib: number;
  /** In order of use, the oldest first. */
  private readonly open = new Map<string, FileReader>();

  constructor(root: string, handlesMax: number, pageCacheKib: number) {
    this.root = root;
    this.handlesMax = handlesMax;
    this.pageCacheKib = pageCacheKib;
  }

  reader(file: string): SqliteReader {
    const found = this.open.get(file);
    if (found !== undefined) {
      this.open.delete(file);
      this.open.set(file, found);
      return found;
    }
    while (this.open.size >= this.handlesMax) this.closeOldest();
    const made = openReader(this.root, file, this.pageCacheKib);
    this.open.set(file, made);
    return made;
  }

  size(file: string): number {
    const path = join(this.root, file);
    const sizeOf = (name: string) => statSync(name, { throwIfNoEntry: false })?.size ?? 0;
    return sizeOf(path) + sizeOf(`${path}-wal`);
  }

  private closeOldest(): void {
    for (const file of this.open.keys()) {
      this.forget(file);
      return;
    }
  }

  forget(file: string): void {
    this.open.get(file)?.close();
    this.open.delete(file);
  }

  close(): void {
    for (const reader of this.open.values()) reader.close();
    this.open.clear();
  }
}

function openReader(root: string, file: string, pageCacheKib: number): FileReader {
  const path = join(root, file);
  if (!existsSync(path)) {
    throw new CitadelError('not-found', `cannot open ${file}: it is not there`, {
      details: { file },
    });
  }
  let database: Connection | undefined;
  try {
    database = new Database(path, { readonly: true, timeout: busyTimeoutMs });
    database.pragma(`cache_size = -${pageCacheKib}`);
    database.pragma('cell_size_check = ON');
    return new FileReader(file, database);
  } catch (error) {
    database?.close();
    throw describeSqliteError(error, 'open', file);
  }
}

/** `root`: the data directory, absolute. `handlesMax`: handles open at once. `pageCacheKib`: of each. */
export function createReaderPool(
  root: string,
  handlesMax: number,
  pageCacheKib = pageCacheKibDefault,
): SqliteReaders {
  return new ReaderPool(root, handlesMax, pageCacheKib);
}
