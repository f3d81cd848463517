/**
 * Goal: whatever happens to one node or to etcd, a writer that tries all nodes gets every point
 * acknowledged, every point is there afterwards, and all copies agree within 10 s of the last fault. The same
 * for keys beside them: every key has its last value, and no deleted key comes back.
 * Method: `ctchecker` from outside for both kinds of store, faults in turn while it writes, then `ctchecker -check`
 * and `citadel verify`.
 *
 * TEST_FAULT_ROUNDS: more rounds over all faults (npm run long -- faults).
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelCluster, sleep, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import { etcdInstalled } from '../support/etcd-process.ts';
import { runBin } from '../support/run-command.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const rounds = Number(process.env.TEST_FAULT_ROUNDS ?? 1);
const reports = process.env.TEST_FAULT_REPORT === '1';
const pauseMs = Number(process.env.TEST_FAULT_PAUSE_MS ?? 6_000);
const settleMs = 1_000;
/** What all faults of a round take, about. */
const roundSeconds = 30;
const rate = 100;
const agreeMs = 10_000;
const stores = ['-tstore', '-kstore'];

describe.skipIf(!etcdInstalled)('faults under load', () => {
  let cluster: CitadelCluster;
  const directory = makeTempDir('faults');

  beforeAll(async () => {
    cluster = await startCluster();
  }, 90_000);
  afterAll(async () => {
    await cluster?.cleanUp();
    removeTempDir(directory);
  });

  async function runFaults(round: number): Promise<void> {
    const { nodes, etcd } = cluster;
    const victim = (step: number) => nodes[(round + step) % nodes.length]!;
    const back = async () => {
      await cluster.waitUntilHealthy();
      await sleep(settleMs);
    };
    await victim(0).kill();
    await sleep(settleMs);
    await victim(0).restart();
    await back();
    victim(1).pause();
    await sleep(pauseMs);
    victim(1).resume();
    await back();
    await victim(2).stop();
    await sleep(settleMs);
    await victim(2).restart();
    await back();
    await etcd.kill();
    await sleep(settleMs);
    await etcd.start();
    await back();
    await victim(1).kill();
    await victim(1).restart();
    await back();
  }

  test(
    'kill, pause, stop, restart and an etcd restart lose nothing and show no error',
    async () => {
      const count = rounds * roundSeconds * rate;
      const size = ['-count', String(count), '-rate', String(rate)];
      const urls = ['-url', cluster.urls.join(',')];
      const run = (verb: string, store: string) =>
        runBin('ctchecker', [verb, store, ...size, ...urls], directory);
      const writing = stores.map((store) => run('-write', store));
      await sleep(settleMs);
      for (let round = 0; round < rounds; round++) {
        await runFaults(round);
        if (reports) process.stderr.write(`faults: ${round + 1} of ${rounds} rounds\n`);
      }
      await waitUntil(
        'all copies equal',
        async () => {
          const verified = await runBin('citadel', ['verify', '-url', cluster.urls[0]!]);
          if (verified.status !== 0) throw new Error(verified.stdout + verified.stderr);
          return true;
        },
        agreeMs,
      );
      for (const written of await Promise.all(writing)) {
        expect(written.stdout).toContain(`${count} acknowledged, 0 not acknowledged`);
        expect(written.status, written.stderr).toBe(0);
      }
      for (const store of stores) {
        const checked = await run('-check', store);
        expect(checked.status, checked.stdout + checked.stderr).toBe(0);
      }
    },
    rounds * 180_000,
  );
});
