/** Opens a store: its newest file, those that were set aside as damaged, the names of its tables. */

import { CitadelError } from '../../base/errors.ts';
import { decodeText } from '../../base/text.ts';
import type { KStoreOptions } from '../contract.ts';
import { fileName, KvFile, openFile, readTables } from '../file/kv-file.ts';
import { firstMeta, kvSchema, kvTableNames, putMeta } from '../file/kv-schema.ts';
import { StoreState } from './store-state.ts';

async function listOrNothing({ disk, directory }: KStoreOptions): Promise<string[]> {
  try {
    return await disk.list(directory);
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return [];
    throw error;
  }
}

/** Numbers of the files that are there, the newest first. */
function fileNumbers(names: readonly string[]): number[] {
  const numbers = names.flatMap((name) => {
    const found = /^kv-(\d{4,})\.db$/.exec(name);
    return found === null ? [] : [Number(found[1])];
  });
  return numbers.sort((a, b) => b - a);
}

function checkIdentity({ path, meta }: KvFile, { shard, shardCount }: KStoreOptions): void {
  if (meta.shard === shard && meta.shardCount === shardCount) return;
  throw new CitadelError(
    'conflict',
    `cannot open ${path}: it is of shard ${meta.shard} of ${meta.shardCount}, not of ${shard} of ${shardCount}`,
  );
}

/** Made by a start, or as a successor, that ended before its first transaction. */
function isHalfMade(path: string, { readers }: KStoreOptions): boolean {
  const isEmpty = readers.reader(path).isUnfilled(kvTableNames);
  if (isEmpty) readers.forget(path);
  return isEmpty;
}

async function createFile(options: KStoreOptions): Promise<KvFile> {
  const meta = firstMeta(options.shard, options.shardCount);
  const path = `${options.directory}/${fileName(1)}`;
  await options.writer.run({
    kind: 'write',
    file: path,
    schema: kvSchema,
    batches: [putMeta(meta)],
    checkpoint: true,
  });
  return new KvFile(1, path, meta);
}

/** The newest file that was ever filled. A store without any is new: its files are made at once. */
async function openNewest(options: KStoreOptions): Promise<KvFile> {
  const numbers = fileNumbers(await listOrNothing(options));
  for (const no of numbers) {
    const path = `${options.directory}/${fileName(no)}`;
    if (isHalfMade(path, options)) {
      await options.writer.run({ kind: 'remove', path });
      continue;
    }
    const file = openFile(no, path, options.readers);
    checkIdentity(file, options);
    return file;
  }
  return createFile(options);
}

/** One that cannot be opened stays as a place where reads fail: what it held is not known to be gone. */
function openOlder(no: number, newest: KvFile, options: KStoreOptions): KvFile {
  const path = `${options.directory}/${fileName(no)}`;
  try {
    return openFile(no, path, options.readers);
  } catch (error) {
    if (!(error instanceof CitadelError) || error.code === 'unsupported-version') throw error;
    const file = new KvFile(no, path, { ...newest.meta, rowHlcMax: Number.MAX_SAFE_INTEGER });
    file.unreadable = new CitadelError('corrupt', `cannot read ${path}: ${error.message}`, {
      cause: error,
      details: { file: path },
    });
    return file;
  }
}

/** @throws CitadelError `corrupt`, `unsupported-version`, `conflict`, `unavailable` */
export async function openState(options: KStoreOptions): Promise<StoreState> {
  const file = await openNewest(options);
  const older = file.meta.older.map((no) => openOlder(no, file, options));
  const state = new StoreState(options, file, older);
  for (const { no, name } of readTables(file, options.readers)) {
    state.tables.load(no, decodeText(name));
  }
  state.tables.next = Math.max(state.tables.next, file.meta.tableNoNext);
  for (const { path, unreadable } of older) {
    state.addFault(unreadable?.message ?? `${path} is damaged and was set aside`);
  }
  return state;
}
