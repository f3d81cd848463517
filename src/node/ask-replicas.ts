/** What nodes say of their replicas: asked of every node that is alive. */

import type { Env } from '../env/env.ts';
import type { ClusterView } from '../metadata/cluster-view.ts';
import type {
  AskReplicas,
  NodeReport,
  ReplicaReport,
} from '../metadata/controller/replica-reports.ts';
import type { DataNodeApi, DataNodeStatus, ShardStatus } from '../rpc/data-node-api.ts';

/** A node that does not answer in time must not hold the others up. */
const patienceMs = 2_000;

function toReport(status: ShardStatus): ReplicaReport {
  const { shard, kind = 'tstore', state, replication, faults } = status;
  const { memoryBytes, diskBytes, writtenBytesPerSecond = 0 } = status;
  const isOpen = state === 'active';
  const isComplete = isOpen && replication?.phase === 'active' && faults.length === 0;
  const load = { heldBytes: diskBytes + memoryBytes, writtenBytesPerSecond };
  return { kind, shard, isOpen, isComplete, load };
}

export function makeAskReplicas(
  { timers }: Pick<Env, 'timers'>,
  view: ClusterView,
  dataNodeOf: (uuid: string) => DataNodeApi | undefined,
): AskReplicas {
  const ask = async (node: string): Promise<NodeReport[]> => {
    const answered = new AbortController();
    const late = timers.sleep(patienceMs, answered.signal).then(
      () => undefined,
      () => undefined,
    );
    try {
      const status: DataNodeStatus | undefined = await Promise.race([
        dataNodeOf(node)?.status(),
        late,
      ]);
      return status === undefined ? [] : [{ node, replicas: status.shards.map(toReport) }];
    } catch {
      return [];
    } finally {
      answered.abort();
    }
  };
  return async () => (await Promise.all([...view.map.nodes.keys()].map(ask))).flat();
}
