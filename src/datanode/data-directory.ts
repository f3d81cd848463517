/**
 * The data directory of one node: its identity file and the lock that keeps a second process out.
 *
 * Layout: docs/formats/data-directory.md. Open it before anything else touches the directory (the
 * embedded metadata store lives in it too) and close it last.
 */

import { CitadelError } from '../base/errors.ts';
import type { Disk, Env } from '../env/env.ts';

/** Written once, when the directory is first used; only `featureLevel` may rise later. */
export interface DataDirectoryIdentity {
  /** This node's id. */
  readonly uuid: string;
  /** Of this copy of the data; new for every new directory. */
  readonly storeId: string;
  readonly clusterUuid: string;
  readonly formatVersion: number;
  readonly featureLevel: number;
  readonly shardCount: number;
  readonly logCount: number;
}

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
  /** True when this call made the directory. */
  readonly isNew: boolean;
  readonly disk: Disk;
  /** Lets another process in. */
  close(): Promise<void>;
}

/**
 * Errors: `locked` (another process has it), `read-only` (not writable), `unsupported-version` (made by a
 * newer release), `conflict` (another shard count or uuid than recorded), `corrupt` (identity file damaged).
 */
export async function openDataDirectory(
  env: Env,
  options: DataDirectoryOptions,
): Promise<DataDirectory> {
  const disk = env.openDisk(options.path);
  throw new CitadelError('unsupported', `not built yet: ${disk.root}`);
}
