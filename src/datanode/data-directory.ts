/**
 * The data directory of one node: its identity file and the lock that keeps a second process out.
 *
 * Layout: docs/formats/data-directory.md. Open it before anything else touches the directory (the
 * embedded metadata store lives in it too) and close it last.
 */

import { CitadelError } from '../base/errors.ts';
import type { Disk, Env } from '../env/env.ts';
import { lockDirectory, lockFileNames } from '../sqlite/directory-lock.ts';
import {
  type DataDirectoryIdentity,
  decodeIdentity,
  encodeIdentity,
  identityFile,
  makeIdentity,
} from './identity.ts';

export interface DataDirectoryOptions {
  /** Absolute path; made when missing. */
  readonly path: string;
  /** '' = what the directory has, or a new one. */
  readonly uuid: string;
  /** Power of two; undefined = what the directory has, 16 for a new one. */
  readonly shardCount: number | undefined;
}

export interface DataDirectory {
  readonly path: string;
  readonly identity: DataDirectoryIdentity;
  /** True when this call made the directory's identity. */
  readonly isNew: boolean;
  readonly disk: Disk;
  /** Lets another process in. */
  close(): Promise<void>;
}

/** What may lie in a directory that is not ours yet. */
function isHarmless(name: string): boolean {
  const own: readonly string[] = [...lockFileNames, `${identityFile}.tmp`, 'lost+found'];
  return own.includes(name) || name.startsWith('.') || /^citadel\.lock-/.test(name);
}

async function makeRoot(disk: Disk): Promise<void> {
  try {
    await disk.makeDirectory('.');
  } catch (error) {
    if (!(error instanceof CitadelError)) throw error;
    const reason = error.cause instanceof Error ? error.cause.message : error.message;
    throw new CitadelError(error.code, `cannot use data directory ${disk.root}: ${reason}`, {
      cause: error,
      details: { path: disk.root },
    });
  }
}

async function createIdentity(
  env: Env,
  disk: Disk,
  options: DataDirectoryOptions,
): Promise<DataDirectoryIdentity> {
  const foreign = (await disk.list('.')).filter((name) => !isHarmless(name));
  if (foreign.length > 0) {
    throw new CitadelError(
      'conflict',
      `cannot use data directory ${disk.root}: it has no ${identityFile} but other files (${foreign[0]})`,
      { details: { path: disk.root } },
    );
  }
  const identity = makeIdentity(env.rng, options);
  await disk.writeAtomic(identityFile, encodeIdentity(identity));
  return Object.freeze(identity);
}

/** What the operator asks for must be what the directory was made for. */
function checkChoice(identity: DataDirectoryIdentity, options: DataDirectoryOptions): void {
  const { path, uuid, shardCount } = options;
  if (shardCount !== undefined && shardCount !== identity.shardCount) {
    throw new CitadelError(
      'conflict',
      `cannot use ${shardCount} shards: data directory ${path} was made with ${identity.shardCount}, which is fixed for life`,
      { details: { path, shardCount, recorded: identity.shardCount } },
    );
  }
  if (uuid !== '' && uuid !== identity.uuid) {
    throw new CitadelError(
      'conflict',
      `cannot use node id ${uuid}: data directory ${path} belongs to node ${identity.uuid}`,
      { details: { path } },
    );
  }
}

async function readIdentity(disk: Disk): Promise<DataDirectoryIdentity | undefined> {
  try {
    return decodeIdentity(await disk.readAll(identityFile), disk.root);
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/**
 * Errors: `locked` (another process has it), `read-only` (not writable), `unsupported-version` (made by a
 * newer release), `conflict` (another shard count or uuid than recorded, or not a data directory),
 * `corrupt` (identity file damaged).
 */
export async function openDataDirectory(
  env: Env,
  options: DataDirectoryOptions,
): Promise<DataDirectory> {
  const disk = env.openDisk(options.path);
  await makeRoot(disk);
  const lock = lockDirectory(disk.root);
  try {
    const found = await readIdentity(disk);
    if (found !== undefined) checkChoice(found, options);
    const identity = found ?? (await createIdentity(env, disk, options));
    return {
      path: disk.root,
      identity,
      isNew: found === undefined,
      disk,
      close: async () => lock.release(),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
