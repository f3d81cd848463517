/** What goes wrong while a seed runs: partitions, crashes, pauses, outages, lost disks, jumping clocks. */

import { startMove } from './moves.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimNode } from './sim-node.ts';
import type { World } from './world.ts';

/** A move begins before this. */
const moveFromMs = 8_000;

/** An accident and its weight among those that the plan allows. */
type Accident = readonly [weight: number, happen: () => void];

export function startAccidents(cluster: SimCluster, untilMs: number): void {
  const { world, plan } = cluster;
  const accidents = listAccidents(cluster);
  const total = accidents.reduce((sum, [weight]) => sum + weight, 0);
  if (plan.moves) world.after(world.between(1_500, moveFromMs), () => startMove(cluster));
  const again = () => {
    if (world.now >= untilMs) return;
    let at = world.random() * total;
    for (const [weight, happen] of accidents) {
      at -= weight;
      if (at >= 0) continue;
      happen();
      break;
    }
    world.after(plan.isHot ? world.between(80, 900) : world.between(200, 2_500), again);
  };
  world.after(1_200, again);
}

/** Everything works again; who is paused comes back by itself. */
export function heal(cluster: SimCluster): void {
  cluster.network.partition = undefined;
  cluster.network.isHealed = true;
  cluster.register.comeUp();
  for (const node of cluster.nodes) {
    node.isSlow = false;
    node.restart();
  }
  cluster.world.note('--', 'healed');
}

function listAccidents(cluster: SimCluster): Accident[] {
  const { world, plan, network, register, nodes } = cluster;
  const list: Accident[] = [[0.1, () => undefined]];
  if (plan.partitions) {
    list.push([0.35, () => cutNetwork(cluster)]);
    if (plan.replicaCount === 3) list.push([0.05, () => slowStart(cluster)]);
  }
  if (plan.crashes) list.push([0.3, () => crashSome(world, nodes)]);
  if (plan.pauses) list.push([0.1, () => world.pick(nodes).pause(world.between(200, 6_000))]);
  if (plan.registerOutages) list.push([0.07, () => register.goDown(world.between(500, 6_000))]);
  if (plan.wipe || plan.rollback) list.push([0.06, () => loseDisk(cluster)]);
  if (plan.clockJumps) list.push([0.1, () => jumpClock(cluster)]);
  if (plan.handOvers) list.push([0.08, () => world.pick(nodes).feed({ kind: 'promote' })]);
  if (plan.slowDisks) {
    list.push([
      0.08,
      () => {
        const node = world.pick(nodes);
        node.isSlow = true;
        world.after(world.between(300, 3_000), () => {
          node.isSlow = false;
        });
      },
    ]);
  }
  network.partition = undefined;
  return list;
}

function crashSome(world: World, nodes: readonly SimNode[]): void {
  const count = world.chance(0.1) ? nodes.length : 1;
  const first = world.below(nodes.length);
  for (let i = 0; i < count; i++) {
    const node = nodes[(first + i) % nodes.length]!;
    if (!node.isUp) continue;
    node.crash();
    world.after(world.between(100, 4_000), () => node.restart());
  }
}

/** A set of parties is cut off from the rest, in both directions or one; or everyone from the metadata store. */
function cutNetwork({ world, network, nodes }: SimCluster): void {
  const cut = new Set([world.pick(nodes).name]);
  if (world.chance(0.3)) cut.add(world.pick(nodes).name);
  for (let i = 0; i < 4; i++) if (world.chance(0.4)) cut.add(`c${i}`);
  if (world.chance(0.25)) cut.add('etcd');
  const isOneWay = world.chance(0.2);
  const isMetadata = world.chance(0.15);
  const partition = (from: string, to: string) => {
    if (isMetadata) return from !== 'etcd' && to !== 'etcd';
    if (cut.has(from) === cut.has(to)) return true;
    return isOneWay && cut.has(from);
  };
  network.partition = partition;
  world.note(
    '--',
    `partition ${[...cut]}${isOneWay ? ' one way' : ''}${isMetadata ? ' etcd' : ''}`,
  );
  world.after(world.between(300, 5_000), () => {
    if (network.partition !== partition) return;
    network.partition = undefined;
    world.note('--', 'partition over');
    for (const node of nodes) {
      for (const other of nodes) {
        if (other === node || world.chance(0.3)) continue;
        node.feed({ kind: 'link', node: other.name, state: 'silent' });
        node.feed({ kind: 'link', node: other.name, state: 'connected' });
      }
    }
  });
}

/** The primary and one other crash together, and come back one by one. */
function slowStart({ world, register, nodes }: SimCluster): void {
  const { primary } = register.record;
  const other = world.pick(nodes.filter(({ name }) => name !== primary));
  for (const node of nodes) {
    if ((node.name !== primary && node !== other) || !node.isUp) continue;
    node.crash();
    world.after(world.between(300, 5_000), () => node.restart());
  }
}

function loseDisk(cluster: SimCluster): void {
  const { world, plan, nodes } = cluster;
  const node = world.pick(nodes.slice(0, plan.replicaCount));
  if (cluster.accident !== undefined || world.now < 3_000) return;
  if (!node.isUp || nodes.some(({ isUp }) => !isUp)) return;
  node.crash();
  let isLost = true;
  if (plan.wipe) node.disk.wipe();
  else isLost = node.disk.rollBack(world);
  if (isLost) {
    cluster.accident = { node: node.name, atMs: world.now };
    world.note(node.name, plan.wipe ? 'wiped' : 'rolled back');
  }
  world.after(world.between(100, 2_000), () => node.restart());
}

function jumpClock(cluster: SimCluster): void {
  const { world } = cluster;
  const node = world.pick(cluster.nodes);
  node.skewMs = (world.random() * 2 - 1) * 4_000;
  cluster.hasClockJumped = true;
  world.note(node.name, `clock ${Math.round(node.skewMs)}`);
}
