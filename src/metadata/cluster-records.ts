/**
 * Records of the cluster (its identity, shard maps, shards, nodes) as JSON text, and back.
 *
 * What an earlier release wrote is read with the meaning it had then: a shard record without `isNew` and
 * `version` is an old one of a shard in use.
 */

import { CitadelError } from '../base/errors.ts';
import type { NodeRecord, ShardRecord, StoreKind } from '../model/cluster.ts';
import { parseRecord, renderRecord } from './catalog-records.ts';
import { shardsPrefixes } from './meta-keys.ts';
import type { MetaRecord } from './meta-store.ts';

/** What this release writes; nothing newer is written before every node of a cluster can read it. */
export const featureLevel = 1;

/** Made once and never changed, but by a reseed. */
export interface ClusterRecord {
  readonly clusterUuid: string;
  readonly featureLevel: number;
  /** Of tstore. */
  readonly shardCount: number;
  readonly replicationFactor: number;
  /** ms since the Unix epoch. */
  readonly createdMs: number;
  /** Map versions of an earlier life of the metadata: the map version is this plus the writes of `mapver`. */
  readonly mapVersionBase: number;
}

/** What all nodes agree on about one kind of store. The shard count is fixed for life. */
export interface ShardLayout {
  readonly shardCount: number;
  readonly replicationFactor: number;
  /** ms since the Unix epoch. */
  readonly createdMs: number;
}

function corrupt(key: string): CitadelError {
  return new CitadelError('corrupt', `cannot read metadata record '${key}'`);
}

export function renderCluster(cluster: ClusterRecord): string {
  return renderRecord({ ...cluster });
}

export function readCluster(record: MetaRecord): ClusterRecord {
  const json = parseRecord(record);
  const { clusterUuid, shardCount, replicationFactor, createdMs, mapVersionBase = 0 } = json;
  const level = json.featureLevel;
  if (typeof level !== 'number' || level > featureLevel) {
    const message = `metadata has feature level ${String(level)}, this release knows ${featureLevel}`;
    throw new CitadelError('unsupported-version', message);
  }
  if (typeof clusterUuid !== 'string' || typeof shardCount !== 'number') throw corrupt(record.key);
  if (typeof replicationFactor !== 'number' || typeof createdMs !== 'number') {
    throw corrupt(record.key);
  }
  if (typeof mapVersionBase !== 'number') throw corrupt(record.key);
  const shape = { shardCount, replicationFactor, createdMs, mapVersionBase };
  return { clusterUuid, featureLevel: level, ...shape };
}

export function renderLayout(layout: ShardLayout): string {
  return renderRecord({ ...layout });
}

export function readLayout(record: MetaRecord): ShardLayout {
  const { shardCount, replicationFactor, createdMs } = parseRecord(record);
  if (typeof shardCount !== 'number' || typeof replicationFactor !== 'number') {
    throw corrupt(record.key);
  }
  if (typeof createdMs !== 'number') throw corrupt(record.key);
  return { shardCount, replicationFactor, createdMs };
}

/** A wish that is fulfilled is not written. */
export function renderShard(record: ShardRecord): string {
  const { epoch, primary, replicas, learner, leaving, degraded, isNew, version } = record;
  const isWished = record.preferred !== undefined && record.preferred !== primary;
  return renderRecord({
    epoch,
    primary,
    replicas,
    learner: learner ?? null,
    leaving: leaving ?? null,
    degraded,
    isNew,
    ...(isWished ? { preferred: record.preferred } : {}),
    ...(record.replaces === undefined ? {} : { replaces: record.replaces }),
    version,
  });
}

function readName(key: string, value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'string') throw corrupt(key);
  return value;
}

export function readShard(kind: StoreKind, record: MetaRecord): ShardRecord {
  const json = parseRecord(record);
  const { key } = record;
  const { epoch, primary, replicas, degraded = false, isNew = false, version = 1 } = json;
  const shard = Number(key.slice(shardsPrefixes[kind].length));
  if (typeof epoch !== 'number' || typeof primary !== 'string') throw corrupt(key);
  if (!Number.isInteger(shard) || !Array.isArray(replicas)) throw corrupt(key);
  if (typeof degraded !== 'boolean' || typeof isNew !== 'boolean') throw corrupt(key);
  if (typeof version !== 'number') throw corrupt(key);
  const preferred = readName(key, json.preferred);
  const replaces = readName(key, json.replaces);
  return {
    shard,
    epoch,
    primary,
    replicas: replicas.map(String),
    learner: readName(key, json.learner),
    leaving: readName(key, json.leaving),
    degraded,
    isNew,
    ...(preferred === undefined ? {} : { preferred }),
    ...(replaces === undefined ? {} : { replaces }),
    version,
    revision: record.modRevision,
  };
}

export function renderNode(node: NodeRecord): string {
  return renderRecord({ ...node });
}

export function readNode(record: MetaRecord): NodeRecord {
  const json = parseRecord(record);
  const texts = ['uuid', 'storeId', 'rpcUrl', 'httpUrl', 'snapshotUrl', 'zone', 'version'] as const;
  for (const name of texts) if (typeof json[name] !== 'string') throw corrupt(record.key);
  const { startedMs, workers, isStopping = false } = json;
  if (typeof startedMs !== 'number' || typeof workers !== 'number') throw corrupt(record.key);
  const [uuid, storeId, rpcUrl, httpUrl, snapshotUrl, zone, version] = texts.map((name) =>
    String(json[name]),
  ) as [string, string, string, string, string, string, string];
  return {
    uuid,
    storeId,
    rpcUrl,
    httpUrl,
    snapshotUrl,
    zone,
    version,
    startedMs,
    workers,
    ...(isStopping === true ? { isStopping } : {}),
  };
}
