/** A snapshot on its way from one simulated node to another: versions first, then the view, then the transfer. */

import type { Versions } from '../../src/replication/version-vector.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimNode } from './sim-node.ts';
import type { StoreImage } from './sim-store.ts';

export interface SimSnapshot extends Pick<StoreImage, 'cells' | 'tombstones'> {
  readonly versions: Versions;
  readonly gcVersions: Versions;
  readonly hlcMax: number;
}

/** Planted `nosnap`: none is sent once the shard is set up. */
const setUpMs = 1_500;

export function fetchSnapshot(cluster: SimCluster, to: SimNode, from: string): void {
  const { world, network, bug } = cluster;
  to.isFetching = true;
  const fail = () => {
    to.isFetching = false;
    to.feed({ kind: 'snapshot-failed', from });
  };
  const arrive = (snapshot: SimSnapshot) => {
    to.later(world.between(1, world.chance(0.2) ? 800 : 60), () => {
      if (network.reaches(from, to.name)) to.mergeSnapshot(from, snapshot);
      else fail();
    });
  };
  to.later(world.between(5, 60), () => {
    const source = cluster.node(from);
    const isReachable = network.reaches(to.name, from) && network.reaches(from, to.name);
    const isGone = bug === 'nosnap' && world.now > setUpMs;
    if (source === undefined || !isReachable || isGone || !isServing(cluster, source)) fail();
    else pinView(cluster, to, source, arrive);
  });
}

function isServing({ world }: SimCluster, { isUp, pausedUntilMs, machine }: SimNode): boolean {
  if (!isUp || pausedUntilMs > world.now || machine === undefined) return false;
  return machine.phase === 'active' || machine.phase === 'catching-up';
}

function copyOf({ store }: SimNode): Pick<StoreImage, 'cells' | 'tombstones'> {
  return { cells: new Map(store.cells), tombstones: [...store.tombstones] };
}

/** The view is pinned a little later than the versions are taken, never before (unless that is the planted bug). */
function pinView(
  { world, bug }: SimCluster,
  to: SimNode,
  source: SimNode,
  arrive: (snapshot: SimSnapshot) => void,
): void {
  const machine = source.machine!;
  const { versions, gcVersions } = machine;
  const early = copyOf(source);
  to.later(world.between(1, 100), () => {
    const isLive = source.machine === machine;
    const view = isLive && bug !== 'snapvv' ? copyOf(source) : early;
    const counted = isLive && bug === 'snapvv' ? machine.versions : versions;
    const stamps = [...view.cells.values(), ...view.tombstones].map(({ hlc }) => hlc);
    arrive({ ...view, versions: counted, gcVersions, hlcMax: Math.max(0, ...stamps) });
  });
}
