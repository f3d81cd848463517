/**
 * SHOW SHARDS, SHOW SHARD GROUPS, DROP SHARD.
 *
 * A shard group is what it is in InfluxDB, a stretch of time of one policy. A shard here is a slice of all
 * series, whatever their time; it is listed once per group that it has data of.
 */

import { CitadelError } from '../../base/errors.ts';
import { hash32 } from '../../base/hash.ts';
import { encodeText } from '../../base/text.ts';
import { maxTime } from '../../model/time.ts';
import { formatTime } from '../../query/format/format-time.ts';
import type { Cell, SeriesPiece } from '../../query/result.ts';
import type { PartitionStatus } from '../../rpc/data-node-api.ts';
import { observeNodes } from '../cluster/observe-nodes.ts';
import type { BrokerParts } from '../parts.ts';
import { makeTable } from './make-table.ts';

interface Group extends PartitionStatus {
  /** The same on every node and after every start. */
  readonly id: number;
  readonly database: string;
  readonly policy: string;
  readonly durationNs: bigint;
  readonly shards: number[];
}

interface Scope {
  readonly database: string;
  readonly policy: string;
  readonly durationNs: bigint;
}

/** `dbId/rpId` -> what they are called. */
function listScopes({ catalog }: BrokerParts): ReadonlyMap<string, Scope> {
  const scopes = new Map<string, Scope>();
  for (const { id, name: database, policies } of catalog.view.databases) {
    for (const { id: rpId, name: policy, durationNs } of policies) {
      scopes.set(`${id}/${rpId}`, { database, policy, durationNs });
    }
  }
  return scopes;
}

async function listGroups(parts: BrokerParts): Promise<Group[]> {
  const nodes = await observeNodes(parts.route);
  const shards = nodes.flatMap(({ status }) => status?.shards ?? []);
  const scopes = listScopes(parts);
  const groups = new Map<string, Group>();
  for (const { shard, partitions } of shards) {
    for (const partition of partitions) {
      const scope = scopes.get(`${partition.dbId}/${partition.rpId}`);
      if (scope === undefined) continue;
      const key = `${partition.dbId}/${partition.rpId}/${partition.start}`;
      const known = groups.get(key);
      if (known === undefined)
        groups.set(key, { ...partition, ...scope, id: idOf(key), shards: [shard] });
      else if (!known.shards.includes(shard)) known.shards.push(shard);
    }
  }
  return [...groups.values()].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
}

function idOf(key: string): number {
  return hash32(encodeText(key));
}

function timesOf({ start, end, durationNs }: Group): Cell[] {
  const expiry = end + durationNs;
  return [start, end, expiry > maxTime ? maxTime : expiry].map(formatTime);
}

const shardColumns = [
  'id',
  'database',
  'retention_policy',
  'shard_group',
  'start_time',
  'end_time',
  'expiry_time',
  'owners',
];

/** A series per database, those without data too. */
export async function showShards(parts: BrokerParts): Promise<SeriesPiece[]> {
  const groups = await listGroups(parts);
  const owners = new Map(
    parts.route.cluster.map.shards.tstore.map(({ shard, replicas }) => [shard, replicas.join(',')]),
  );
  return parts.catalog.view.databases.map(({ name }) => {
    const rows = groups
      .filter(({ database }) => database === name)
      .flatMap((group) => {
        const { id, database, policy, shards } = group;
        const times = timesOf(group);
        return [...shards]
          .sort((a, b) => a - b)
          .map((shard): Cell[] => [shard, database, policy, id, ...times, owners.get(shard) ?? '']);
      });
    return makeTable(name, shardColumns, rows);
  });
}

const groupColumns = [
  'id',
  'database',
  'retention_policy',
  'start_time',
  'end_time',
  'expiry_time',
];

export async function showShardGroups(parts: BrokerParts): Promise<SeriesPiece> {
  const groups = await listGroups(parts);
  const rows = groups.map((group) => [group.id, group.database, group.policy, ...timesOf(group)]);
  return makeTable('shard groups', groupColumns, rows);
}

/** One that does not exist is fine, as in InfluxDB. @throws CitadelError `unsupported` */
export async function dropShard({ route }: BrokerParts, id: bigint): Promise<void> {
  if (!route.cluster.map.shards.tstore.some(({ shard }) => BigInt(shard) === id)) return;
  throw new CitadelError(
    'unsupported',
    `cannot drop shard ${id}: it holds series of every database; use DELETE, DROP SERIES, DROP MEASUREMENT or DROP RETENTION POLICY`,
  );
}
