/** What a simulated node does now and then: flushes its store, removes tombstones, trims its log. */

import type { ReplicaMachine } from '../../src/replication/replica-machine.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimNode } from './sim-node.ts';

export function keepUp(cluster: SimCluster, node: SimNode): void {
  const { world, plan } = cluster;
  const { machine, disk } = node;
  if (machine === undefined || machine.phase === 'empty') return;
  disk.remember();
  if (world.chance(0.5)) node.saveImage(machine.versions);
  if (plan.collects) collect(cluster, node, machine);
  if (world.chance(0.6)) trim(node, machine.trimVersions(plan.pressure && world.chance(0.6)));
}

/** Tombstones go when nothing that they hide can arrive any more. */
function collect({ stats }: SimCluster, node: SimNode, machine: ReplicaMachine): void {
  const { store, disk } = node;
  const { hlc, versions } = machine.stableHorizon;
  const kept = store.tombstones.filter((tombstone) => tombstone.hlc > hlc);
  if (node.isFetching || kept.length === store.tombstones.length) return;
  stats.collections++;
  store.tombstones = kept;
  disk.noteCollected(versions);
  node.saveImage(machine.versions);
  node.feed({ kind: 'collected', gcVersions: versions });
}

/** From the front, as segments go. */
function trim(node: SimNode, trimmable: Readonly<Record<string, number>>): void {
  const { disk } = node;
  const gone = new Map<string, number>();
  let count = 0;
  for (const { lsn, origin, sequence } of disk.log) {
    if (lsn > disk.image.replayFrom || sequence > (trimmable[origin] ?? 0)) break;
    gone.set(origin, Math.max(gone.get(origin) ?? 0, sequence));
    count++;
  }
  disk.log.splice(0, count);
  for (const [origin, sequence] of gone) node.feed({ kind: 'trimmed', origin, sequence });
}
