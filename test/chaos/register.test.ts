/**
 * Goal: a key that is written at consistency quorum and read at level quorum is one register, whatever happens to nodes
 * and links: what anybody was told fits one order of moments (linearizability), with three copies.
 * Method: clients read, write and delete a few keys of one shard through all nodes, while its primary is killed, a node
 * is paused, links are held up and cut; the history of answers is checked afterwards. That such a check finds
 * what is wrong is shown with reads of level one, which may be stale.
 *
 * TEST_REGISTER_ROUNDS: more rounds over all faults (npm run long -- register).
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelCluster, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { etcdInstalled } from '../support/etcd-process.ts';
import { RegisterLoad, table } from './register-load.ts';

const rounds = Number(process.env.TEST_REGISTER_ROUNDS ?? 1);
const patienceMs = 60_000;
const clientCount = 6;
const keys = ['a', 'b', 'c'];
/** Answers between two faults, of each kind. */
const answersMin = 20;

interface Info {
  readonly node: { readonly uuid: string };
  readonly shards: { readonly kstore: readonly { readonly primary: string }[] };
}

describe.skipIf(!etcdInstalled)('keys as registers under faults', () => {
  let cluster: CitadelCluster;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 3, shards: 1, proxied: true, args: ['-lease', '2s'] });
    await waitUntil('the shard of keys is made', async () => {
      const options = { method: 'POST', body: 'first=1' };
      const params = { table, consistency: 'quorum' };
      return (await cluster.nodes[0]!.request('/kv/put', params, options)).status === 204;
    });
  }, 150_000);
  afterAll(async () => {
    await cluster?.cleanUp();
  });

  async function infoOf(node: CitadelProcess): Promise<Info> {
    return (await node.request('/info', {}, { timeoutMs: 2_000 })).json() as Info;
  }

  /** Number of the node that is the primary of the shard, as a node that runs knows it. */
  async function primary(): Promise<number> {
    let found = -1;
    await waitUntil(
      'a primary that runs',
      async () => {
        const infos = await Promise.all(cluster.nodes.map(infoOf));
        const uuid = infos[0]!.shards.kstore[0]!.primary;
        found = infos.findIndex(({ node }) => node.uuid === uuid);
        return found >= 0;
      },
      patienceMs,
    );
    return found;
  }

  test(
    'answers at level quorum fit one order, through kills, pauses and partitions',
    async () => {
      const load = new RegisterLoad(cluster.nodes);
      load.start(clientCount, keys);
      const goesOn = async () => {
        const { reads, writes } = load;
        const isEnough = async () =>
          load.reads >= reads + answersMin && load.writes >= writes + answersMin;
        await waitUntil('reads and writes are answered', isEnough, patienceMs);
      };
      try {
        for (let round = 0; round < rounds; round++) {
          await goesOn();
          const killed = cluster.nodes[await primary()]!;
          await killed.kill();
          await goesOn();
          await killed.restart();
          await cluster.waitUntilHealthy(patienceMs);
          const paused = cluster.nodes[await primary()]!;
          paused.pause();
          await goesOn();
          paused.resume();
          await cluster.waitUntilHealthy(patienceMs);
          await goesOn();
          const heldUp = await primary();
          // The others reach its data no more, while it reaches theirs, and etcd: for one of them.
          cluster.proxies[(heldUp + 1) % 3]!.stall();
          await goesOn();
          cluster.proxies[heldUp]!.cut();
          cluster.proxies[(heldUp + 1) % 3]!.unstall();
          cluster.proxies[(heldUp + 2) % 3]!.delay(20);
          await goesOn();
          cluster.proxies[(heldUp + 2) % 3]!.delay(0);
          await goesOn();
        }
      } finally {
        for (const proxy of cluster.proxies) proxy.unstall();
        for (const node of cluster.nodes) node.resume();
        await load.stop();
      }
      expect(load.violations()).toEqual([]);
    },
    rounds * 400_000,
  );

  test('a stale read, as level one gives it, is found', async () => {
    await cluster.waitUntilHealthy(patienceMs);
    const load = new RegisterLoad(cluster.nodes);
    await waitUntil(
      'a stale read',
      async () => {
        const first = await primary();
        const behind = (first + 1) % 3;
        const reader = cluster.nodes[behind]!;
        const writer = cluster.nodes[first]!;
        const key = load.newValue();
        await load.write(writer, key, load.newValue());
        cluster.proxies[behind]!.stall();
        try {
          await load.write(writer, key, load.newValue());
          for (let i = 0; i < 10; i++) await load.read(reader, key, 'one');
        } finally {
          cluster.proxies[behind]!.unstall();
        }
        return load.violations().length > 0;
      },
      patienceMs,
    );
    expect(load.violations()[0]).toContain('no order explains read');
  }, 120_000);
});
