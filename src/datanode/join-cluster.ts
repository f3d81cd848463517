/**
 * Makes an empty data directory a member of a cluster that exists: it takes over the cluster's id and
 * shard count. A directory that has data belongs to its cluster for life.
 */

import { CitadelError } from '../base/errors.ts';
import type { DataDirectory } from './data-directory.ts';
import { encodeIdentity, identityFile, logCountFor } from './identity.ts';

export interface ClusterToJoin {
  readonly clusterUuid: string;
  readonly shardCount: number;
}

/** Logs or shards are there, whether or not anything was ever written. */
export async function hasData({ disk }: Pick<DataDirectory, 'disk'>): Promise<boolean> {
  const names = await disk.list('.');
  return names.some((name) => name === 'log' || name.startsWith('shard-'));
}

/** @throws CitadelError `conflict` when the directory has data of another cluster or shard count */
export async function joinCluster(
  directory: DataDirectory,
  { clusterUuid, shardCount }: ClusterToJoin,
): Promise<DataDirectory> {
  const { identity, disk, path } = directory;
  if (identity.clusterUuid === clusterUuid && identity.shardCount === shardCount) return directory;
  if (await hasData(directory)) {
    const message =
      identity.clusterUuid === clusterUuid
        ? `cannot use data directory ${path}: it has ${identity.shardCount} shards, its cluster ${shardCount}`
        : `cannot use data directory ${path}: it has data of cluster ${identity.clusterUuid}, not of ${clusterUuid}`;
    throw new CitadelError('conflict', message, { details: { path } });
  }
  const logCount = logCountFor(shardCount);
  const joined = Object.freeze({ ...identity, clusterUuid, shardCount, logCount });
  await disk.writeAtomic(identityFile, encodeIdentity(joined));
  return { ...directory, identity: joined };
}
