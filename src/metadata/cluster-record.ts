/**
 * The cluster record and the shard maps: made once, by compare-and-set, and never to change.
 *
 * The shard count decides where every point lives, so a node that is started with another one is
 * refused. Which node holds a shard is another record per shard: filled in here on a single node, by the
 * controller in a cluster.
 */

import { CitadelError } from '../base/errors.ts';
import type { Clock } from '../env/env.ts';
import type { ShardRecord, StoreKind } from '../model/cluster.ts';
import {
  type ClusterRecord,
  featureLevel,
  readCluster,
  readLayout,
  readShard,
  renderCluster,
  renderLayout,
  renderShard,
  type ShardLayout,
} from './cluster-records.ts';
import {
  adoptingKey,
  clusterKey,
  mapVersionKey,
  shardKey,
  shardMapKeys,
  shardsPrefixes,
} from './meta-keys.ts';
import { isAbsent, type MetaOp, type MetaStore } from './meta-store.ts';

export const defaultShardCount = 16;
export const shardCountMax = 4096;
const shardBatch = 100;

export const touchMapVersion: MetaOp = { kind: 'put', key: mapVersionKey, value: '' };

export interface ShardMap {
  readonly cluster: ClusterRecord;
  /** Index = shard. */
  readonly shards: readonly ShardRecord[];
  /** Raised by every change of metadata but that of leases. */
  readonly version: number;
}

export interface NewCluster {
  readonly clusterUuid: string;
  /** Undefined = what is there, 16 for a new cluster. */
  readonly shardCount: number | undefined;
  /** Of a new cluster. */
  readonly replicationFactor: number;
}

function checkShardCount(count: number): void {
  const isPowerOfTwo = Number.isInteger(count) && count > 0 && (count & (count - 1)) === 0;
  if (isPowerOfTwo && count <= shardCountMax) return;
  throw new CitadelError(
    'invalid-argument',
    `shard count must be a power of two from 1 to ${shardCountMax}, not ${count}`,
  );
}

async function createCluster(
  store: MetaStore,
  clock: Pick<Clock, 'wallMs'>,
  { clusterUuid, shardCount = defaultShardCount, replicationFactor }: NewCluster,
): Promise<void> {
  checkShardCount(shardCount);
  const shape = { shardCount, replicationFactor, createdMs: clock.wallMs() };
  const cluster = { clusterUuid, featureLevel, ...shape, mapVersionBase: 0 };
  // When another node was faster its record stands, and is checked like any other.
  const { succeeded, results } = await store.transaction({
    compare: [isAbsent(clusterKey), isAbsent(adoptingKey)],
    onSuccess: [
      { kind: 'put', key: clusterKey, value: renderCluster(cluster) },
      { kind: 'put', key: shardMapKeys.tstore, value: renderLayout(shape) },
      touchMapVersion,
    ],
    onFailure: [{ kind: 'get', key: adoptingKey }],
  });
  if (succeeded || results[0]?.records.length === 0) return;
  const message = 'cannot make a cluster: a node is moving its metadata there';
  throw new CitadelError('unavailable', message);
}

/** @throws CitadelError `conflict` */
export function checkCluster(
  cluster: ClusterRecord,
  options: Pick<NewCluster, 'clusterUuid' | 'shardCount'>,
): void {
  if (cluster.clusterUuid !== options.clusterUuid) {
    const message = `data directory belongs to cluster ${options.clusterUuid}, metadata to ${cluster.clusterUuid}`;
    throw new CitadelError('conflict', message);
  }
  const { shardCount: asked } = options;
  if (asked === undefined || asked === cluster.shardCount) return;
  throw new CitadelError(
    'conflict',
    `cannot change the shard count from ${cluster.shardCount} to ${asked}: it is fixed when the data directory is made`,
  );
}

/** The record as the store has it; undefined = no cluster yet. @throws CitadelError `unavailable`, `corrupt`, `unsupported-version` */
export async function findCluster(store: MetaStore): Promise<ClusterRecord | undefined> {
  const record = await store.get(clusterKey);
  return record && readCluster(record);
}

/**
 * Makes the cluster's records where they are missing; resolves with the cluster that there is then, which may
 * be another node's.
 *
 * @throws CitadelError `invalid-argument` for a shard count that no cluster may have, `unavailable`, `unsupported-version`, `corrupt`
 */
export async function makeCluster(
  store: MetaStore,
  clock: Pick<Clock, 'wallMs'>,
  options: NewCluster,
): Promise<ClusterRecord> {
  const found = await findCluster(store);
  if (found !== undefined) return found;
  await createCluster(store, clock, options);
  const made = await findCluster(store);
  if (made === undefined) throw new CitadelError('corrupt', 'cluster record is gone again');
  return made;
}

/**
 * Sets up another kind of store in a cluster that is there; what is there already stays.
 *
 * @throws CitadelError `conflict` for another shard count than it has, `invalid-argument`, `unavailable`
 */
export async function makeShardMap(
  store: MetaStore,
  clock: Pick<Clock, 'wallMs'>,
  kind: StoreKind,
  options: Pick<NewCluster, 'shardCount' | 'replicationFactor'>,
): Promise<ShardLayout> {
  const { shardCount = defaultShardCount, replicationFactor } = options;
  checkShardCount(shardCount);
  const made: ShardLayout = { shardCount, replicationFactor, createdMs: clock.wallMs() };
  const key = shardMapKeys[kind];
  const { succeeded, results } = await store.transaction({
    compare: [isAbsent(key)],
    onSuccess: [{ kind: 'put', key, value: renderLayout(made) }, touchMapVersion],
    onFailure: [{ kind: 'get', key }],
  });
  if (succeeded) return made;
  const record = results[0]?.records[0];
  if (record === undefined) throw new CitadelError('unavailable', `${key} is gone again`);
  const found = readLayout(record);
  if (options.shardCount === undefined || options.shardCount === found.shardCount) return found;
  const message = `cannot change the shard count of ${kind} from ${found.shardCount} to ${shardCount}`;
  throw new CitadelError('conflict', message);
}

/** Every shard that has no record gets this node as its only replica: a single node's way of placing. */
async function fillShards(
  store: MetaStore,
  kind: StoreKind,
  shardCount: number,
  nodeUuid: string,
): Promise<void> {
  const { records } = await store.range(shardsPrefixes[kind]);
  const known = new Set(records.map((record) => record.key));
  const missing = Array.from({ length: shardCount }, (_, shard) => shardKey(kind, shard)).filter(
    (key) => !known.has(key),
  );
  const value = renderShard({
    shard: 0,
    epoch: 1,
    primary: nodeUuid,
    replicas: [nodeUuid],
    learner: undefined,
    leaving: undefined,
    degraded: false,
    isNew: false,
    version: 1,
    revision: 0,
  });
  for (let i = 0; i < missing.length; i += shardBatch) {
    const keys = missing.slice(i, i + shardBatch);
    const { succeeded } = await store.transaction({
      compare: keys.map(isAbsent),
      onSuccess: [...keys.map((key) => ({ kind: 'put' as const, key, value })), touchMapVersion],
    });
    if (!succeeded) throw new CitadelError('unavailable', 'shard map is being made elsewhere');
  }
}

export interface ClusterOptions {
  readonly nodeUuid: string;
  /** The data directory's; the cluster's must be the same. */
  readonly clusterUuid: string;
  /** Undefined = what is there, 16 for a new cluster. */
  readonly shardCount: number | undefined;
}

/**
 * The metadata of a single node: every shard has one replica, here.
 *
 * @throws CitadelError `conflict` when another shard count is asked for or the data is another cluster's, `invalid-argument` for one that no
 *   cluster may have, `unsupported-version`, `corrupt`
 */
export async function openCluster(
  store: MetaStore,
  clock: Pick<Clock, 'wallMs'>,
  { nodeUuid, clusterUuid, shardCount }: ClusterOptions,
): Promise<ShardMap> {
  const wanted = { clusterUuid, shardCount, replicationFactor: 1 };
  const cluster = await makeCluster(store, clock, wanted);
  checkCluster(cluster, wanted);
  await fillShards(store, 'tstore', cluster.shardCount, nodeUuid);
  const layout = { shardCount: cluster.shardCount, replicationFactor: 1 };
  await makeShardMap(store, clock, 'kstore', layout);
  await fillShards(store, 'kstore', cluster.shardCount, nodeUuid);
  const { records } = await store.range(shardsPrefixes.tstore);
  const shards = records.map((record) => readShard('tstore', record));
  shards.sort((a, b) => a.shard - b.shard);
  if (shards.some(({ shard }, i) => shard !== i) || shards.length !== cluster.shardCount) {
    throw new CitadelError('corrupt', 'shard map does not match the shard count');
  }
  const version = (await store.get(mapVersionKey))?.version ?? 0;
  return { cluster, shards, version: cluster.mapVersionBase + version };
}
