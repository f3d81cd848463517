/** How every node of the cluster is, as far as each answers in time. */

import { CitadelError } from '../../base/errors.ts';
import type { NodeRecord } from '../../model/cluster.ts';
import type { DataNodeStatus } from '../../rpc/data-node-api.ts';
import type { RouteParts } from '../route/route-parts.ts';

/** A node that does not answer must not keep the others' answers waiting. */
const patienceMs = 2_000;

export interface ObservedNode {
  readonly uuid: string;
  /** Undefined = its lease is gone; shards still name it. */
  readonly record: NodeRecord | undefined;
  /** Undefined = it did not answer. */
  readonly status: DataNodeStatus | undefined;
  /** Why it did not; '' = it did. */
  readonly problem: string;
}

/** Every node that is alive or that a shard names, sorted by uuid. */
export function nodesOf({ cluster }: Pick<RouteParts, 'cluster'>): string[] {
  const { nodes, shards } = cluster.map;
  const named = Object.values(shards).flatMap((records) =>
    records.flatMap(({ replicas, learner }) =>
      learner === undefined ? replicas : [...replicas, learner],
    ),
  );
  return [...new Set([...nodes.keys(), ...named])].sort();
}

async function ask({ dataNode, env }: RouteParts, uuid: string): Promise<DataNodeStatus> {
  const node = dataNode(uuid);
  if (node === undefined) throw new CitadelError('unavailable', 'its lease has ended');
  const controller = new AbortController();
  const late = env.timers.sleep(patienceMs, controller.signal).then(() => {
    throw new CitadelError('timeout', `no answer in ${patienceMs} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([node.status(), late]);
  } finally {
    controller.abort();
  }
}

export async function observeNodes(parts: RouteParts): Promise<readonly ObservedNode[]> {
  const observe = async (uuid: string): Promise<ObservedNode> => {
    const record = parts.cluster.map.nodes.get(uuid);
    try {
      return { uuid, record, status: await ask(parts, uuid), problem: '' };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return { uuid, record, status: undefined, problem };
    }
  };
  return Promise.all(nodesOf(parts).map(observe));
}
