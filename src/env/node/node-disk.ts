/**
 * The data directory on a real file system.
 *
 * Every failure leaves as a CitadelError: lack of room is `disk-full`, a missing file `not-found`, a
 * missing right `read-only`, all else `unavailable`. New and renamed names sync their directory.
 */

import { constants } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rmdir,
  stat,
  statfs,
  unlink,
} from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { CitadelError, type ErrorCode, invariant } from '../../base/errors.ts';
import type { Disk, DiskFile } from '../env.ts';

/** IOV_MAX is 1024 on Linux; half of it leaves room for other systems. */
const partsPerWrite = 512;

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  ENOENT: 'not-found',
  EEXIST: 'already-exists',
  EACCES: 'read-only',
  EPERM: 'read-only',
  EROFS: 'read-only',
};

function wrap(error: unknown, doing: string, path: string): CitadelError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'ENOSPC' ? 'no space left on the disk' : message;
  return new CitadelError(
    codes[code ?? ''] ?? 'unavailable',
    `cannot ${doing} ${path}: ${reason}`,
    {
      cause: error,
      details: { path, errno: code ?? '' },
    },
  );
}

/** A file or an empty directory. */
async function removeEntry(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as { code?: string }).code !== 'EISDIR') throw error;
    await rmdir(path);
  }
}

async function attempt<T>(doing: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw wrap(error, doing, path);
  }
}

/**
 * The first directory that had to be made; undefined = all were there. Node's own recursive mkdir never
 * ends where a file system has a parent but makes nothing in it, as /proc.
 */
async function makeDirectories(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return undefined;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
  }
  const first = await makeDirectories(dirname(path));
  await mkdir(path);
  return first ?? path;
}

/** Writes all parts; a short write goes on where it stopped, so that its cause comes out as an error. */
async function writeParts(handle: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  let rest = parts.filter((part) => part.length > 0);
  while (rest.length > 0) {
    const slice = rest.slice(0, partsPerWrite);
    let { bytesWritten } = await handle.writev(slice);
    let whole = 0;
    while (whole < slice.length && bytesWritten >= slice[whole]!.length) {
      bytesWritten -= slice[whole]!.length;
      whole++;
    }
    rest = rest.slice(whole);
    if (bytesWritten > 0) rest = [rest[0]!.subarray(bytesWritten), ...rest.slice(1)];
  }
}

async function readRange(handle: FileHandle, offset: number, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await handle.read(bytes, filled, size - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function toDiskFile(handle: FileHandle, path: string): DiskFile {
  return {
    path,
    append: (parts) => attempt('write to', path, () => writeParts(handle, parts)),
    datasync: () => attempt('sync', path, () => handle.datasync()),
    read: (offset, size) => attempt('read', path, () => readRange(handle, offset, size)),
    size: () => attempt('read the size of', path, async () => (await handle.stat()).size),
    truncate: (size) => attempt('truncate', path, () => handle.truncate(size)),
    close: () => attempt('close', path, () => handle.close()),
  };
}

const openFlags = {
  create: constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_APPEND,
  append: constants.O_RDWR | constants.O_APPEND,
  read: constants.O_RDONLY,
};

async function syncDirectoryAt(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeFileSynced(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'w', 0o644);
  try {
    await writeParts(handle, [bytes]);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function openNodeDisk(root: string): Disk {
  const base = resolve(root);
  const at = (path: string): string => {
    const full = join(base, path);
    invariant(full === base || full.startsWith(base + sep), `path ${path} stays inside its disk`);
    return full;
  };
  return {
    root: base,
    open: (path, mode) =>
      attempt('open', path, async () => {
        const handle = await open(at(path), openFlags[mode], 0o644);
        if (mode === 'create') await syncDirectoryAt(dirname(at(path)));
        return toDiskFile(handle, path);
      }),
    readAll: (path) =>
      attempt('read', path, async () => {
        const bytes = await readFile(at(path));
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      }),
    writeAtomic: (path, bytes) =>
      attempt('write', path, async () => {
        await writeFileSynced(`${at(path)}.tmp`, bytes);
        await rename(`${at(path)}.tmp`, at(path));
        await syncDirectoryAt(dirname(at(path)));
      }),
    list: (path) => attempt('list', path, async () => (await readdir(at(path))).sort()),
    makeDirectory: (path) =>
      attempt('make directory', path, async () => {
        const made = await makeDirectories(at(path));
        if (made === undefined) return;
        for (let full = at(path); full.length >= made.length; full = dirname(full)) {
          await syncDirectoryAt(dirname(full));
        }
      }),
    rename: (from, to) =>
      attempt('rename', from, async () => {
        await rename(at(from), at(to));
        await syncDirectoryAt(dirname(at(to)));
        if (dirname(from) !== dirname(to)) await syncDirectoryAt(dirname(at(from)));
      }),
    remove: (path) =>
      attempt('remove', path, async () => {
        await removeEntry(at(path));
        await syncDirectoryAt(dirname(at(path)));
      }),
    syncDirectory: (path) => attempt('sync', path, () => syncDirectoryAt(at(path))),
    freeBytes: () =>
      attempt('ask for the free space of', base, async () => {
        const { bavail, bsize } = await statfs(base);
        return bavail * bsize;
      }),
  };
}
