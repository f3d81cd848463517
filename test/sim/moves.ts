/** Moves a replica, as a controller would: names the learner, then the one that leaves; the replicas do the rest. */

import type { ShardRecord } from '../../src/model/cluster.ts';
import type { SimCluster } from './sim-cluster.ts';

const lookMs = 300;

export function startMove(cluster: SimCluster): void {
  const { world, register, nodes } = cluster;
  const { replicas } = register.record;
  const spare = nodes.find(({ name }) => !replicas.includes(name))?.name;
  const old = world.pick(replicas);
  if (spare === undefined) return;
  const change = (next: Partial<ShardRecord>) => {
    const { record } = register;
    register.change({ ...record, ...next, version: record.version + 1 }, 'move');
  };
  const look = () => {
    const { record } = register;
    if (register.isUp && !record.isNew) {
      const isJoined = record.replicas.includes(spare);
      if (!record.replicas.includes(old)) return;
      if (!isJoined && record.learner === undefined) change({ learner: spare });
      else if (isJoined && record.primary === old && record.preferred !== spare) {
        change({ preferred: spare });
      } else if (isJoined && record.primary !== old && record.leaving === undefined) {
        change({ leaving: old });
      } else if (record.leaving === old && cluster.bug === 'nodrain') {
        // Planted: nobody asks whether the others have what only it has.
        change({ leaving: undefined, replicas: record.replicas.filter((name) => name !== old) });
        cluster.node(old)?.crash();
        cluster.node(old)?.disk.wipe();
      }
    }
    world.after(lookMs * world.between(0.8, 1.2), look);
  };
  world.note('move', `${old} to ${spare}`);
  cluster.stats.moves++;
  look();
}
