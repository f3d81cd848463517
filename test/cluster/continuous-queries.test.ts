/**
 * Goal: every window of every continuous query holds exactly what the query itself gives, whatever happens:
 * kill -9 in the middle of runs, rows that come late, downtime of more than ten windows, the death of the owner.
 * Method: real processes, short windows, a load with late rows; at the end each query is compared with its result. One node
 * and a cluster beside each other: both mostly wait for windows to end.
 * Longer: `npm run long -- continuous`, which sets CONTINUOUS_ROUNDS and CONTINUOUS_SEED.
 */

import { afterAll, describe, expect, test } from 'vitest';
import { sleep, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import {
  ContinuousLoad,
  createQueries,
  describeQueries,
  windowMsMax,
} from '../support/continuous-load.ts';
import { etcdInstalled } from '../support/etcd-process.ts';

const rounds = Number(process.env.CONTINUOUS_ROUNDS ?? 1);
const seed = Number(process.env.CONTINUOUS_SEED ?? Date.now() % 1_000_000);
const args = ['-continuous-queries-run-interval', '50ms', '-memory', '128MiB'];
/** A load runs so long, and all it wrote is settled, before anything happens. */
const loadMs = 1_500;
/** More than ten of most windows. */
const downtimeMs = 2_600;
const testTimeoutMs = 120_000 + rounds * 30_000;

/** Mulberry32: the same choices for the same seed. */
function makeRandom(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function isSettled(node: CitadelProcess, atMs: number): Promise<boolean> {
  const queries = await describeQueries(node);
  return (
    queries.length > 0 &&
    queries.every(({ settledUntil }) => settledUntil !== null && Date.parse(settledUntil) >= atMs)
  );
}

describe(`continuous queries, seed ${seed}`, () => {
  const cleanUps: (() => Promise<unknown>)[] = [];

  afterAll(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  });

  function startLoad(nodes: readonly CitadelProcess[], random: () => number): ContinuousLoad {
    const load = new ContinuousLoad(nodes, random, Date.now() + windowMsMax);
    cleanUps.push(() => load.abandon());
    load.start();
    return load;
  }

  test.concurrent(
    'one node: late rows, kill -9 during runs and a long downtime leave no window wrong',
    async () => {
      const random = makeRandom(seed);
      const alone = await startCitadel({ args });
      cleanUps.push(() => alone.cleanUp());
      await createQueries(alone);
      const load = startLoad([alone], random);
      for (let round = 0; round < rounds; round++) {
        const loadedMs = Date.now() + loadMs;
        await waitUntil('windows are settled under load', () => isSettled(alone, loadedMs), 60_000);
        await sleep(random() * 300);
        await alone.kill();
        if (round % 2 === 0) await sleep(downtimeMs);
        await alone.restart();
        await load.writeLate(2_000 + random() * 3_000);
      }
      await load.stop();
      await load.expectExact(alone);
      const failed = (await describeQueries(alone)).filter(({ lastError }) => lastError !== '');
      expect(failed).toEqual([]);
    },
    testTimeoutMs,
  );

  test.skipIf(!etcdInstalled).concurrent(
    'three nodes: the death of an owner moves its queries and leaves no gap',
    async () => {
      const random = makeRandom(seed + 1);
      const cluster = await startCluster({ args: [...args, '-lease', '3s'] });
      cleanUps.push(() => cluster.cleanUp());
      const { nodes } = cluster;
      await createQueries(nodes[0]!);
      const load = startLoad(nodes, random);
      const uuids = new Map<string, CitadelProcess>();
      for (const one of nodes) {
        const info = (await one.request('/info')).json() as { node: { uuid: string } };
        uuids.set(info.node.uuid, one);
      }
      for (let round = 0; round < rounds; round++) {
        const live = nodes.find((one) => one.running())!;
        const loadedMs = Date.now() + loadMs;
        await waitUntil('windows are settled under load', () => isSettled(live, loadedMs), 60_000);
        const [query] = await describeQueries(live);
        const owner = uuids.get(query?.owner ?? '');
        expect(owner).toBeDefined();
        await sleep(random() * 300);
        if (round % 2 === 1) {
          // Paused beyond its lease, it must do no harm when it goes on.
          owner!.pause();
          await waitUntil(
            'another node owns the query',
            async () => {
              const other = nodes.find((one) => one !== owner)!;
              const [seen] = await describeQueries(other);
              return seen?.owner !== null && seen?.owner !== query?.owner;
            },
            60_000,
          );
          owner!.resume();
        } else {
          await owner!.kill();
          const other = nodes.find((one) => one !== owner)!;
          const deathMs = Date.now();
          await waitUntil('others settle its windows', () => isSettled(other, deathMs), 60_000);
          await owner!.restart();
        }
        await load.writeLate(2_000 + random() * 3_000);
      }
      await load.stop();
      for (const one of nodes) await load.expectExact(one);
    },
    testTimeoutMs,
  );
});
