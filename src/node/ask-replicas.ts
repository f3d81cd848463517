/** Which replicas say of themselves that they have all of their data: asked of every node that is alive. */

import type { Env } from '../env/env.ts';
import type { ClusterView } from '../metadata/cluster-view.ts';
import type { AskReplicas, CompleteReplica } from '../metadata/controller/controller.ts';
import type { DataNodeApi, DataNodeStatus } from '../rpc/data-node-api.ts';

/** A node that does not answer in time must not hold the others up. */
const patienceMs = 2_000;

function completeIn(node: string, { shards }: DataNodeStatus): CompleteReplica[] {
  return shards.flatMap(({ shard, kind = 'tstore', state, replication, faults }) => {
    const isWell = state === 'active' && replication?.phase === 'active' && faults.length === 0;
    return isWell ? { kind, shard, node } : [];
  });
}

export function makeAskReplicas(
  { timers }: Pick<Env, 'timers'>,
  view: ClusterView,
  dataNodeOf: (uuid: string) => DataNodeApi | undefined,
): AskReplicas {
  const ask = async (node: string): Promise<CompleteReplica[]> => {
    const answered = new AbortController();
    const late = timers.sleep(patienceMs, answered.signal).then(
      () => undefined,
      () => undefined,
    );
    try {
      const status = await Promise.race([dataNodeOf(node)?.status(), late]);
      return status === undefined ? [] : completeIn(node, status);
    } catch {
      return [];
    } finally {
      answered.abort();
    }
  };
  return async () => (await Promise.all([...view.map.nodes.keys()].map(ask))).flat();
}
