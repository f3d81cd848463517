/**
 * Keeps a second process out of a directory, by SQLite's exclusive lock on a file in it.
 *
 * The kernel lets go of the lock when the process ends, however it ends: there is no stale lock file.
 * A file beside it says which process has it, for people.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CitadelError } from '../base/errors.ts';
import { type Connection, Database } from './driver.ts';

export const lockFileNames = ['citadel.lock', 'citadel.pid'] as const;

export interface DirectoryLock {
  release(): void;
}

function readHolder(path: string): string {
  try {
    const pid = readFileSync(join(path, lockFileNames[1]), 'utf8').trim();
    return /^\d+$/.test(pid) ? `process ${pid}` : 'another process';
  } catch {
    return 'another process';
  }
}

function explain(error: unknown, path: string): CitadelError {
  const { code = '', message } = error as { code?: string; message: string };
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new CitadelError('locked', `data directory ${path} is in use by ${readHolder(path)}`, {
      details: { path },
      cause: error,
    });
  }
  const refused = /^(SQLITE_CANTOPEN|SQLITE_READONLY|EACCES|EPERM|EROFS)/.test(code);
  return new CitadelError(
    refused ? 'read-only' : 'unavailable',
    `cannot write to data directory ${path}: ${message}`,
    { details: { path }, cause: error },
  );
}

/** Errors: `locked`, naming the process that has it; `read-only` when the directory is not writable. */
export function lockDirectory(path: string): DirectoryLock {
  let database: Connection | undefined;
  try {
    database = new Database(join(path, lockFileNames[0]), { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
    writeFileSync(join(path, lockFileNames[1]), `${process.pid}\n`);
  } catch (error) {
    database?.close();
    throw explain(error, path);
  }
  const held = database;
  return { release: () => held.close() };
}
