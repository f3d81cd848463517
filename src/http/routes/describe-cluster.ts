/** Nodes and shards as GET /info shows them. */

import type { ObservedNode, ShardStatus } from '../../broker/requests.ts';
import type { NodeMark } from '../../metadata/node-marks.ts';
import {
  type ClusterMap,
  holdersOf,
  type NodeRecord,
  type ShardRecord,
  type StoreKind,
} from '../../model/cluster.ts';

function sumOf(shards: readonly ShardStatus[], read: (shard: ShardStatus) => number): number {
  return shards.reduce((sum, shard) => sum + read(shard), 0);
}

function describeAddresses(record: NodeRecord | undefined) {
  return {
    rpcUrl: record?.rpcUrl ?? '',
    httpUrl: record?.httpUrl ?? '',
    zone: record?.zone ?? '',
    version: record?.version ?? '',
    started: record === undefined ? '' : new Date(record.startedMs).toISOString(),
  };
}

/** Shards whose copies are on the move. */
export function countMoves({ shards }: ClusterMap) {
  const records = Object.values(shards).flat();
  return {
    filling: records.filter(({ learner }) => learner !== undefined).length,
    leaving: records.filter(({ leaving }) => leaving !== undefined).length,
  };
}

/** `state` is the data node's own, or why there is none. */
export function describeNode(
  { uuid, record, status, problem }: ObservedNode,
  map: ClusterMap,
  mark: NodeMark | undefined,
) {
  const records = Object.values(map.shards).flat();
  return {
    uuid,
    state: status?.state ?? (record === undefined ? 'gone' : 'unreachable'),
    /** What the operator wants of it. */
    mark: mark ?? '',
    problem: problem || (status?.reason ?? ''),
    ...describeAddresses(record),
    shards: records.filter((shard) => holdersOf(shard).includes(uuid)).length,
    primaries: records.filter(({ primary }) => primary === uuid).length,
    memoryBytes: status?.memoryBytes ?? 0,
    memoryBudgetBytes: status?.memoryBudgetBytes ?? 0,
    storeBytes: sumOf(status?.shards ?? [], ({ diskBytes }) => diskBytes),
    logBytes: status?.logBytes ?? 0,
    diskFreeBytes: status?.diskFreeBytes ?? 0,
  };
}

function roleOf({ primary, learner, leaving }: ShardRecord, node: string): string {
  if (node === primary) return 'primary';
  if (node === learner) return 'learner';
  return node === leaving ? 'leaving' : 'secondary';
}

/**
 * A replica that follows others is as good as its phase says; alone, as its store is. A node that is alone makes the
 * shards of keys when the first key is written.
 */
function stateOf(status: ShardStatus | undefined, isAlone: boolean): string {
  if (status === undefined) return isAlone ? 'unused' : 'absent';
  return status.state === 'active' ? (status.replication?.phase ?? 'active') : status.state;
}

function describeCopy(record: ShardRecord, node: string, observed: Found) {
  const { status, isAlone } = observed;
  return {
    node,
    role: roleOf(record, node),
    state: stateOf(status, isAlone),
    lagEntries: status?.replication?.lagEntries ?? 0,
    promised: status?.replication?.promised ?? 0,
    series: status?.seriesCount ?? 0,
    memoryBytes: status?.memoryBytes ?? 0,
    diskBytes: status?.diskBytes ?? 0,
    writtenBytesPerSecond: status?.writtenBytesPerSecond ?? 0,
    faults: status?.faults ?? [],
  };
}

interface Found {
  readonly status: ShardStatus | undefined;
  /** The node is there and in no cluster. */
  readonly isAlone: boolean;
}

function findStatus(node: ObservedNode | undefined, kind: StoreKind, shard: number): Found {
  const shards = node?.status?.shards;
  return {
    status: shards?.find((one) => one.shard === shard && (one.kind ?? 'tstore') === kind),
    isAlone: shards !== undefined && node?.record === undefined,
  };
}

export function describeShards(
  kind: StoreKind,
  map: ClusterMap,
  nodes: readonly ObservedNode[],
): object[] {
  const nodeOf = new Map(nodes.map((node) => [node.uuid, node]));
  return map.shards[kind].map((record) => {
    const { shard, epoch, primary, replicas, learner, leaving, degraded } = record;
    const copies = holdersOf(record).map((node) =>
      describeCopy(record, node, findStatus(nodeOf.get(node), kind, shard)),
    );
    const optional = { learner: learner ?? null, leaving: leaving ?? null };
    return { shard, epoch, primary, replicas, ...optional, degraded, copies };
  });
}
