/** The cluster map on the wire: its nodes as a list, everything else as it is. Checked when it comes in. */

import type { ClusterMap, NodeRecord, ShardRecord } from '../../model/cluster.ts';
import { booleanOf, countOf, fieldsOf, listOf, numberOf, optional, textOf } from './fields.ts';
import { decodeValue } from './value-reader.ts';

/** What `encodeValue` takes. */
export function mapToValue(map: ClusterMap): unknown {
  return { ...map, nodes: [...map.nodes.values()] };
}

function nodeOf(value: unknown, name: string): NodeRecord {
  const node = fieldsOf(value, name);
  for (const key of ['uuid', 'storeId', 'rpcUrl', 'httpUrl', 'snapshotUrl', 'zone', 'version']) {
    textOf(node[key], `${name} ${key}`);
  }
  numberOf(node.startedMs, `${name} start`);
  countOf(node.workers, `${name} workers`);
  return value as NodeRecord;
}

function shardOf(value: unknown, name: string): ShardRecord {
  const shard = fieldsOf(value, name);
  for (const key of ['shard', 'epoch', 'version', 'revision'])
    countOf(shard[key], `${name} ${key}`);
  textOf(shard.primary, `${name} primary`);
  listOf(shard.replicas, textOf, `${name} replica`);
  optional(shard.learner, textOf, `${name} learner`);
  optional(shard.leaving, textOf, `${name} leaving`);
  booleanOf(shard.degraded, `${name} degraded`);
  booleanOf(shard.isNew, `${name} isNew`);
  return value as ShardRecord;
}

/** @throws CitadelError `corrupt`, `unsupported-version`, `invalid-argument` */
export function decodeMap(message: Uint8Array): ClusterMap {
  const value = decodeValue(message);
  const map = fieldsOf(value, 'map');
  textOf(map.clusterUuid, 'cluster');
  countOf(map.version, 'map version');
  countOf(map.replicationFactor, 'replication factor');
  const nodes = listOf(map.nodes, nodeOf, 'node');
  const shards = fieldsOf(map.shards, 'shards');
  listOf(shards.tstore, shardOf, 'shard');
  listOf(shards.kstore, shardOf, 'shard');
  const byUuid = new Map(nodes.map((node) => [node.uuid, node]));
  return { ...(value as ClusterMap), nodes: byUuid };
}
