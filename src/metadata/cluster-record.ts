/**
 * The cluster record and the shard map: made once, by compare-and-set, and never to change.
 *
 * The shard count decides where every point lives, so a node that is started with another one is
 * refused. Shard records (epoch, primary, replicas) are filled in afterwards, each only if absent: a
 * start that was cut short is finished by the next one.
 */

import { CitadelError } from '../base/errors.ts';
import type { Clock } from '../env/env.ts';
import { parseRecord, renderRecord } from './catalog-records.ts';
import { clusterKey, mapVersionKey, shardKey, shardMapKey, shardsPrefix } from './meta-keys.ts';
import { isAbsent, type MetaRecord, type MetaStore } from './meta-store.ts';

export const defaultShardCount = 16;
export const shardCountMax = 4096;
const shardBatch = 100;
/** What this release writes; nothing newer is written before every node of a cluster can read it. */
const featureLevel = 1;

export interface ClusterRecord {
  readonly clusterUuid: string;
  readonly featureLevel: number;
  readonly shardCount: number;
  readonly replicationFactor: number;
  /** ms since the Unix epoch. */
  readonly createdMs: number;
}

export interface ShardRecord {
  readonly shard: number;
  readonly epoch: number;
  readonly primary: string;
  readonly replicas: readonly string[];
}

export interface ShardMap {
  readonly cluster: ClusterRecord;
  /** Index = shard. */
  readonly shards: readonly ShardRecord[];
  /** Raised by every change of metadata but that of leases. */
  readonly version: number;
}

export interface ClusterOptions {
  readonly nodeUuid: string;
  /** The data directory's; the cluster's must be the same. */
  readonly clusterUuid: string;
  /** Undefined = what is there, 16 for a new cluster. */
  readonly shardCount: number | undefined;
}

function checkShardCount(count: number): void {
  const isPowerOfTwo = Number.isInteger(count) && count > 0 && (count & (count - 1)) === 0;
  if (isPowerOfTwo && count <= shardCountMax) return;
  throw new CitadelError(
    'invalid-argument',
    `shard count must be a power of two from 1 to ${shardCountMax}, not ${count}`,
  );
}

function corrupt(key: string): CitadelError {
  return new CitadelError('corrupt', `cannot read metadata record '${key}'`);
}

function readCluster(record: MetaRecord): ClusterRecord {
  const json = parseRecord(record);
  const { clusterUuid, shardCount, replicationFactor, createdMs } = json;
  const level = json.featureLevel;
  if (typeof clusterUuid !== 'string' || typeof shardCount !== 'number') throw corrupt(record.key);
  if (typeof replicationFactor !== 'number' || typeof createdMs !== 'number') {
    throw corrupt(record.key);
  }
  if (typeof level !== 'number' || level > featureLevel) {
    const message = `metadata has feature level ${String(level)}, this release knows ${featureLevel}`;
    throw new CitadelError('unsupported-version', message);
  }
  return { clusterUuid, featureLevel: level, shardCount, replicationFactor, createdMs };
}

function readShard(record: MetaRecord): ShardRecord {
  const { epoch, primary, replicas } = parseRecord(record);
  const shard = Number(record.key.slice(shardsPrefix.length));
  if (typeof epoch !== 'number' || typeof primary !== 'string') throw corrupt(record.key);
  if (!Number.isInteger(shard) || !Array.isArray(replicas)) throw corrupt(record.key);
  return { shard, epoch, primary, replicas: replicas.map(String) };
}

async function createCluster(
  store: MetaStore,
  clock: Pick<Clock, 'wallMs'>,
  { clusterUuid, shardCount = defaultShardCount }: ClusterOptions,
): Promise<void> {
  checkShardCount(shardCount);
  const shape = { shardCount, replicationFactor: 1, createdMs: clock.wallMs() };
  // When another node was faster its record stands, and is checked like any other.
  await store.transaction({
    compare: [isAbsent(clusterKey)],
    onSuccess: [
      {
        kind: 'put',
        key: clusterKey,
        value: renderRecord({ clusterUuid, featureLevel, ...shape }),
      },
      { kind: 'put', key: shardMapKey, value: renderRecord(shape) },
      { kind: 'put', key: mapVersionKey, value: '' },
    ],
  });
}

async function fillShards(store: MetaStore, shardCount: number, nodeUuid: string): Promise<void> {
  const { records } = await store.range(shardsPrefix);
  const known = new Set(records.map((record) => record.key));
  const missing = Array.from({ length: shardCount }, (_, shard) => shardKey(shard)).filter(
    (key) => !known.has(key),
  );
  const value = renderRecord({
    epoch: 1,
    primary: nodeUuid,
    replicas: [nodeUuid],
    learner: null,
    leaving: null,
    degraded: false,
  });
  for (let i = 0; i < missing.length; i += shardBatch) {
    const keys = missing.slice(i, i + shardBatch);
    const { succeeded } = await store.transaction({
      compare: keys.map(isAbsent),
      onSuccess: [
        ...keys.map((key) => ({ kind: 'put' as const, key, value })),
        { kind: 'put', key: mapVersionKey, value: '' },
      ],
    });
    if (!succeeded) throw new CitadelError('unavailable', 'shard map is being made elsewhere');
  }
}

function checkCluster(cluster: ClusterRecord, options: ClusterOptions): void {
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

/**
 * Makes the cluster's records where they are missing and reads them.
 *
 * @throws CitadelError `conflict` when another shard count is asked for or the data is another cluster's, `invalid-argument` for one that no
 *   cluster may have, `unsupported-version`, `corrupt`
 */
export async function openCluster(
  store: MetaStore,
  clock: Pick<Clock, 'wallMs'>,
  options: ClusterOptions,
): Promise<ShardMap> {
  if ((await store.get(clusterKey)) === undefined) {
    await createCluster(store, clock, options);
  }
  const record = await store.get(clusterKey);
  if (record === undefined) throw corrupt(clusterKey);
  const cluster = readCluster(record);
  checkCluster(cluster, options);
  await fillShards(store, cluster.shardCount, options.nodeUuid);
  const { records } = await store.range(shardsPrefix);
  const shards = records.map(readShard).sort((a, b) => a.shard - b.shard);
  if (shards.some(({ shard }, i) => shard !== i) || shards.length !== cluster.shardCount) {
    throw new CitadelError('corrupt', 'shard map does not match the shard count');
  }
  const version = (await store.get(mapVersionKey))?.version ?? 0;
  return { cluster, shards, version };
}
