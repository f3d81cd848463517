/**
 * Opens a database file for writing, making it when it is new. Commits are durable (WAL, synchronous =
 * FULL); nothing is moved from the log of SQLite into the file but by an explicit checkpoint.
 */

import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CitadelError } from '../base/errors.ts';
import { type Connection, Database, type Statement } from './driver.ts';
import { makeFolder, syncFolder } from './file-moves.ts';
import type { FileSchema } from './job.ts';
import { describeSqliteError } from './sqlite-error.ts';

const busyTimeoutMs = 10_000;
/** The log of SQLite is cut to this after a checkpoint that could not empty it. */
const walSizeMax = 4 * 1024 * 1024;
const pageCacheKib = 2048;

export interface WriteHandle {
  readonly file: string;
  readonly database: Connection;
  prepare(sql: string): Statement<unknown[]>;
}

function setPragmas(database: Connection): void {
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('wal_autocheckpoint = 0');
  database.pragma(`journal_size_limit = ${walSizeMax}`);
  database.pragma(`cache_size = -${pageCacheKib}`);
  database.pragma('temp_store = MEMORY');
  database.pragma('cell_size_check = ON');
  database.pragma('trusted_schema = OFF');
}

/** One transaction: a file either has its identity and all its tables, or is empty and made again. */
function createTables(database: Connection, schema: FileSchema): void {
  database.pragma(`page_size = ${schema.pageSize}`);
  setPragmas(database);
  database.exec('BEGIN IMMEDIATE');
  for (const statement of schema.create) database.exec(statement);
  database.pragma(`application_id = ${schema.applicationId}`);
  database.pragma(`user_version = ${schema.formatVersion}`);
  database.exec('COMMIT');
}

function isEmpty(database: Connection): boolean {
  return database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
}

function checkIdentity(file: string, database: Connection, schema: FileSchema): void {
  const id = database.pragma('application_id', { simple: true });
  const version = database.pragma('user_version', { simple: true }) as number;
  if (id !== schema.applicationId) {
    throw new CitadelError('corrupt', `cannot write ${file}: it is not a file of this kind`, {
      details: { file },
    });
  }
  if (version !== schema.formatVersion) {
    throw new CitadelError('unsupported-version', `cannot write ${file}: format ${version}`, {
      details: { file, version },
    });
  }
}

const headerSize = 100;
const versionsAt = 18;

/** SQLite takes a file of a later version as read-only instead of refusing it: damage would hide behind that. */
function checkHeader(path: string, file: string): void {
  const header = Buffer.alloc(headerSize);
  const handle = openSync(path, 'r');
  try {
    if (readSync(handle, header, 0, headerSize, 0) < headerSize) return;
  } finally {
    closeSync(handle);
  }
  if (header[versionsAt]! <= 2 && header[versionsAt + 1]! <= 2) return;
  throw new CitadelError('corrupt', `cannot write ${file}: its header is damaged`, {
    details: { file },
  });
}

function prepareFile(file: string, database: Connection, schema: FileSchema): void {
  if (isEmpty(database)) {
    createTables(database, schema);
  } else {
    setPragmas(database);
    checkIdentity(file, database, schema);
  }
}

export function openForWriting(root: string, file: string, schema: FileSchema): WriteHandle {
  const path = join(root, file);
  let database: Connection | undefined;
  try {
    makeFolder(dirname(path));
    const isNew = !existsSync(path);
    if (!isNew) checkHeader(path, file);
    database = new Database(path, { timeout: busyTimeoutMs });
    prepareFile(file, database, schema);
    if (isNew) syncFolder(dirname(path));
    return bindHandle(file, database);
  } catch (error) {
    database?.close();
    throw describeSqliteError(error, 'open', file);
  }
}

function bindHandle(file: string, database: Connection): WriteHandle {
  const statements = new Map<string, Statement<unknown[]>>();
  return {
    file,
    database,
    prepare(sql) {
      let statement = statements.get(sql);
      if (statement === undefined) {
        statement = database.prepare<unknown[]>(sql);
        statements.set(sql, statement);
      }
      return statement;
    },
  };
}

/** Moves everything committed into the file itself, synced, and empties the log. */
export function checkpointFile(handle: WriteHandle): void {
  handle.database.pragma('wal_checkpoint(TRUNCATE)');
}
