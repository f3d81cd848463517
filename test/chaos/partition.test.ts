/**
 * Goal: however the network between nodes, and to etcd, is cut, also in one direction only, every write that
 * any side acknowledged at any level is on all replicas after the heal, and the copies agree.
 * Method: each node and etcd are a network namespace of their own; writers stay with one node and one level each,
 * so that both sides of a cut take writes all the time; then everything is read through every node.
 * Overwritten cells are not checked: an attempt that the network held back, and that another replica has long stood
 * in for, may be stored when the network heals, with the stamp of then.
 *
 * Runs by npm run long -- partitions, which sets TEST_PARTITION_ROUNDS: so many random cuts after the named ones;
 * TEST_PARTITION_REPLICAS: copies; TEST_PARTITION_SEED: the same choices again.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSimRng, pickBelow } from '../../src/env/sim/sim-rng.ts';
import { waitUntil } from '../support/citadel-cluster.ts';
import { etcdInstalled } from '../support/etcd-process.ts';
import {
  etcdHost,
  type NetworkCluster,
  type NetworkNode,
  startNetworkCluster,
} from '../support/network-cluster.ts';
import { namespacesAvailable } from '../support/network-namespaces.ts';
import { runBin } from '../support/run-command.ts';
import { AckedLoad, type Answering } from './acked-load.ts';

const rounds = Number(process.env.TEST_PARTITION_ROUNDS ?? 0);
const replicas = process.env.TEST_PARTITION_REPLICAS ?? '3';
const seed = Number(process.env.TEST_PARTITION_SEED ?? Date.now() % 1_000_000);
const reports = process.env.TEST_PARTITION_REPORT === '1';
const lease = '3s';
/** Longer than a lease, so that primaries change; shorter ones only make links silent. */
const leaseCutMs = 5_000;
const cutMs = 3_000;
const afterMs = 500;
const patienceMs = 120_000;
const batchSizeMax = 20;
const levels = ['auto', 'one', 'quorum'] as const;
const hosts = ['a', 'b', 'c', etcdHost];
/** Of each direction, in a random cut. */
const cutRate = 0.35;
const isAsked = process.env.TEST_PARTITION_ROUNDS !== undefined;
const canRun = isAsked && namespacesAvailable && etcdInstalled;

if (isAsked && !canRun) process.stderr.write('partition: no network namespaces or no etcd here\n');

type Cuts = readonly (readonly [from: string, to: string])[];

interface Case {
  readonly name: string;
  readonly cuts: Cuts;
  readonly cutMs: number;
}

function bothWays(host: string, ...others: readonly string[]): Cuts {
  return others.flatMap((other) => [[host, other] as const, [other, host] as const]);
}

const cases: readonly Case[] = [
  { name: 'a node from etcd', cuts: bothWays('a', etcdHost), cutMs: leaseCutMs },
  { name: 'a node from the other nodes', cuts: bothWays('b', 'a', 'c'), cutMs: leaseCutMs },
  {
    name: 'what a node sends to the others',
    cuts: [
      ['c', 'a'],
      ['c', 'b'],
    ],
    cutMs,
  },
  {
    name: 'what the others send to a node',
    cuts: [
      ['b', 'a'],
      ['c', 'a'],
    ],
    cutMs,
  },
  { name: 'etcd from all', cuts: bothWays(etcdHost, 'a', 'b', 'c'), cutMs },
];

interface Load {
  readonly node: NetworkNode;
  readonly level: string;
  readonly load: AckedLoad;
}

describe.skipIf(!canRun)(`partitions (seed ${seed}, ${replicas} copies)`, () => {
  const rng = createSimRng(seed);
  let cluster: NetworkCluster;
  let loads: readonly Load[] = [];

  beforeAll(async () => {
    cluster = await startNetworkCluster(['-replicas', replicas, '-shards', '8', '-lease', lease]);
    loads = cluster.nodes.flatMap((node) =>
      levels.map((level) => ({
        node,
        level,
        load: new AckedLoad(1, { prefix: `${node.host}-${level}-`, cells: false }),
      })),
    );
    await loads[0]!.load.prepare(cluster.nodes[0]!);
  }, patienceMs);
  afterAll(async () => {
    await cluster?.cleanUp();
  });

  function atLevel(node: NetworkNode, level: string): Answering {
    return {
      request: (path, params, options) => {
        const isWrite = path === '/write';
        return node.request(path, isWrite ? { ...params, consistency: level } : params, options);
      },
    };
  }

  /** Points that each load got acknowledged so far, as "host level count". */
  function describeLoads(): string {
    return loads
      .map(({ node, level, load }) => `${node.host} ${level} ${load.ackedPoints}`)
      .join(', ');
  }

  async function agree(): Promise<void> {
    await waitUntil(
      'all copies equal',
      async () => {
        const verified = await runBin('citadel', ['verify', '-url', cluster.nodes[0]!.url]);
        if (verified.status !== 0) throw new Error(verified.stdout + verified.stderr);
        return true;
      },
      patienceMs,
    );
  }

  async function checkAll(through: readonly NetworkNode[], what: string): Promise<void> {
    for (const node of through) {
      const faults = await Promise.all(loads.map(({ load }) => load.verify(node)));
      expect(faults.flat(), `${what}, through ${node.host}, seed ${seed}`).toEqual([]);
    }
  }

  async function runCase({ name, cuts, cutMs: lastsMs }: Case): Promise<void> {
    for (const { node, level, load } of loads) load.start(atLevel(node, level), batchSizeMax);
    await sleep(afterMs);
    for (const [from, to] of cuts) await cluster.network.cut(from, to);
    await sleep(lastsMs);
    await cluster.network.heal();
    await sleep(afterMs);
    await Promise.all(loads.map(({ load }) => load.stop()));
    await cluster.waitUntilHealthy();
    const before = performance.now();
    await agree();
    const agreedMs = Math.round(performance.now() - before);
    await checkAll([cluster.nodes[pickBelow(rng, cluster.nodes.length)]!], name);
    if (reports) {
      process.stderr.write(
        `partition: ${name}: copies agree after ${agreedMs} ms; ${describeLoads()}\n`,
      );
    }
  }

  for (const one of cases) {
    test(`cut of ${one.name}`, () => runCase(one), patienceMs * 2);
  }

  test(
    'writes were acknowledged on all nodes at all levels, and each node shows them all',
    async () => {
      for (const { node, level, load } of loads) {
        expect(load.ackedPoints, `${node.host} ${level}`).toBeGreaterThan(0);
      }
      await checkAll(cluster.nodes, 'at the end');
      for (const { stderr } of cluster.nodes) expect(stderr()).not.toContain('"level":"fatal"');
    },
    patienceMs,
  );

  test.skipIf(rounds === 0)(
    `${rounds} random cuts`,
    async () => {
      for (let round = 1; round <= rounds; round++) {
        const pairs = hosts.flatMap((from) => hosts.map((to) => [from, to] as const));
        const cuts = pairs.filter(([from, to]) => from !== to && rng.next() < cutRate);
        const name = `round ${round}: ${cuts.map((pair) => pair.join('>')).join(' ')}`;
        await runCase({ name, cuts, cutMs: 500 + pickBelow(rng, 2 * leaseCutMs) });
      }
      await checkAll(cluster.nodes, 'at the end');
    },
    patienceMs + rounds * 60_000,
  );
});
