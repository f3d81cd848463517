/** What a simulated node does now and then: flushes its store, removes tombstones, trims its log. */

import { toHlc } from '../../src/replication/hybrid-clock.ts';
import type { ReplicaMachine } from '../../src/replication/replica-machine.ts';
import type { PlantedBug } from './planted-bugs.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimNode } from './sim-node.ts';
import type { Tombstone } from './sim-store.ts';

/** Planted: nobody is told what was collected, so nobody is rebuilt. */
const untold: ReadonlySet<PlantedBug> = new Set(['gctime', 'gcvv', 'norebuild']);

export function keepUp(cluster: SimCluster, node: SimNode): void {
  const { world, plan } = cluster;
  const { machine, disk } = node;
  if (machine === undefined || machine.phase === 'empty') return;
  disk.remember();
  if (world.chance(0.5)) node.saveImage(machine.versions);
  if (plan.collects) collect(cluster, node, machine);
  if (world.chance(0.6)) trim(node, machine.trimVersions(plan.pressure && world.chance(0.6)));
}

/** Planted: tombstones older than this go, whoever may still bring what they hide. */
const ageMaxMs = 1_500;

/** Planted: every replica of the record has it, or has had it. */
function isEverywhere({ register, nodes }: SimCluster, tombstone: Tombstone): boolean {
  const { replicas } = register.record;
  return nodes
    .filter(({ name }) => replicas.includes(name))
    .every(({ collected, store }) => {
      const isSame = (one: Tombstone) => one.op === tombstone.op;
      return collected.has(tombstone.op) || store.tombstones.some(isSame);
    });
}

/** Which tombstones stay: those that hide what may still arrive. */
function tombstonesToKeep(
  cluster: SimCluster,
  { store, times }: SimNode,
  machine: ReplicaMachine,
): Tombstone[] {
  if (cluster.bug === 'gctime') {
    const oldest = toHlc(times.wallMs - ageMaxMs);
    return store.tombstones.filter(({ hlc }) => hlc > oldest);
  }
  if (cluster.bug === 'gcvv') {
    return store.tombstones.filter((tombstone) => !isEverywhere(cluster, tombstone));
  }
  const { hlc } = machine.stableHorizon;
  return store.tombstones.filter((tombstone) => tombstone.hlc > hlc);
}

function collect(cluster: SimCluster, node: SimNode, machine: ReplicaMachine): void {
  const { store, disk } = node;
  const kept = tombstonesToKeep(cluster, node, machine);
  if (node.isFetching || kept.length === store.tombstones.length) return;
  cluster.stats.collections++;
  for (const { op } of store.tombstones) node.collected.add(op);
  for (const { op } of kept) node.collected.delete(op);
  store.tombstones = kept;
  const isTold = cluster.bug === undefined || !untold.has(cluster.bug);
  const { versions } = machine.stableHorizon;
  if (isTold) disk.noteCollected(versions);
  node.saveImage(machine.versions);
  if (isTold) node.feed({ kind: 'collected', gcVersions: versions });
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
