/** Folders and files around databases: made, renamed and removed so that it survives a power cut. */

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeSqliteError } from './sqlite-error.ts';

/** The database itself comes last, so that a move cut short is seen as not done and done again. */
const companions = ['-wal', '-shm', ''];

export function syncFolder(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Makes a folder and those above it, each entry synced. */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  makeFolder(parent);
  mkdirSync(path, { recursive: true });
  syncFolder(parent);
}

export function moveDatabase(root: string, from: string, to: string): void {
  try {
    makeFolder(dirname(join(root, to)));
    for (const suffix of companions) {
      const source = join(root, from + suffix);
      if (existsSync(source)) renameSync(source, join(root, to + suffix));
    }
    syncFolder(dirname(join(root, to)));
    if (existsSync(dirname(join(root, from)))) syncFolder(dirname(join(root, from)));
  } catch (error) {
    throw describeSqliteError(error, 'move', from);
  }
}

export function removePath(root: string, path: string): void {
  try {
    const full = join(root, path);
    for (const suffix of companions) rmSync(full + suffix, { recursive: true, force: true });
    if (existsSync(dirname(full))) syncFolder(dirname(full));
  } catch (error) {
    throw describeSqliteError(error, 'remove', path);
  }
}
