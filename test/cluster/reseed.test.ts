/**
 * Goal: an etcd that was emptied or brought back from an old backup is written anew from what the nodes know: nothing is
 * lost, epochs and versions only go up, and everything that needs etcd works again on all nodes.
 * Method: the drill of docs/cluster.md on real processes; points are counted, copies compared, records in etcd read.
 */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelCluster, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { etcdInstalled } from '../support/etcd-process.ts';
import { runBin } from '../support/run-command.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const patienceMs = 60_000;

interface ShardInfo {
  readonly epoch: number;
  readonly primary: string;
  readonly replicas: readonly string[];
}

describe.skipIf(!etcdInstalled)('a metadata store that lost what it had', () => {
  const directory = makeTempDir('reseed');
  let cluster: CitadelCluster;
  let count = 0;

  beforeAll(async () => {
    cluster = await startCluster({ shards: 4 });
  }, 90_000);
  afterAll(async () => {
    await cluster?.cleanUp();
    removeTempDir(directory);
  });

  async function query(node: CitadelProcess, q: string): Promise<string> {
    const answer = await node.request('/query', { db: 'd', q, epoch: 'ns' }, { method: 'POST' });
    return answer.text();
  }

  async function write(): Promise<void> {
    for (const node of cluster.nodes) {
      const body = Array.from({ length: 20 }, (_, host) => `m,host=h${host} v=1i ${count + 1}`);
      const params = { db: 'd', consistency: 'all' };
      const request = { method: 'POST' as const, body: body.join('\n') };
      const answer = await node.request('/write', params, request);
      expect(answer.status, answer.text()).toBe(204);
      count++;
    }
  }

  async function shardsOf(node: CitadelProcess): Promise<readonly ShardInfo[]> {
    const info = (await node.request('/info')).json() as {
      shards: { tstore: readonly ShardInfo[] };
    };
    return info.shards.tstore;
  }

  async function waitForRefusal(times: number): Promise<void> {
    const isRefused = async () => {
      return cluster.nodes.every(
        (node) => node.stderr().split('metadata store is refused').length > times,
      );
    };
    await waitUntil('all nodes refuse the store and name the command', isRefused, patienceMs);
    for (const node of cluster.nodes) expect(node.stderr()).toContain('citadel meta reseed');
  }

  async function reseed(...flags: string[]) {
    return runBin('citadel', ['meta', 'reseed', '-url', cluster.urls[0]!, ...flags]);
  }

  /** Schema changes, writes and reads through every node; copies are equal. */
  async function expectAllWell(name: string): Promise<void> {
    for (const [i, node] of cluster.nodes.entries()) {
      await waitUntil(
        `node ${i} follows the store`,
        async () => {
          const answer = await query(node, `CREATE DATABASE "${name}${i}"`);
          if (answer.includes('"error"')) throw new Error(answer);
          return true;
        },
        patienceMs,
      );
    }
    await write();
    for (const node of cluster.nodes) {
      await waitUntil('all is known everywhere', async () => {
        const names = await query(node, 'SHOW DATABASES');
        if (!cluster.nodes.every((_, i) => names.includes(`"${name}${i}"`))) throw new Error(names);
        const points = await query(node, 'SELECT sum(v) FROM m');
        if (!points.includes(`[0,${count * 20}]`)) throw new Error(points);
        return true;
      });
      expect(await query(node, 'SHOW USERS')).toContain('"paul"');
    }
    const { status, stdout, stderr } = await runBin('citadel', [
      'verify',
      '-url',
      cluster.urls[1]!,
    ]);
    expect(status, stdout + stderr).toBe(0);
  }

  test('an emptied one gets everything back', async () => {
    const [first, second] = cluster.nodes as [CitadelProcess, CitadelProcess];
    for (const q of ['CREATE DATABASE d', 'CREATE DATABASE gone', 'DROP DATABASE gone']) {
      expect(await query(first, q)).not.toContain('"error"');
    }
    expect(await query(first, `CREATE USER paul WITH PASSWORD 'secret'`)).not.toContain('"error"');
    await waitUntil('both are known', async () =>
      (await query(second, 'SHOW USERS')).includes('paul'),
    );
    await write();
    const well = await reseed();
    expect(well.status).toBe(1);
    expect(well.stderr).toContain('nothing to reseed');
    const before = await shardsOf(first);

    await cluster.etcd.kill();
    cluster.etcd.wipe();
    await cluster.etcd.start();
    await waitForRefusal(1);
    await write();
    const plan = await reseed('-dry-run');
    expect(plan.stdout, plan.stderr).toMatch(
      /would write cluster .*\n.*[48] shard records, 1 databases/,
    );
    expect(await cluster.etcd.ctl('get', '--prefix', '--keys-only', '')).toBe('');

    const done = await reseed();
    expect(done.status, done.stderr).toBe(0);
    await expectAllWell('after');
    const after = await shardsOf(first);
    for (const [i, { epoch, replicas }] of after.entries()) {
      expect(epoch).toBeGreaterThanOrEqual(before[i]!.epoch);
      expect(replicas).toEqual(before[i]!.replicas);
    }
    expect(await cluster.etcd.ctl('get', '--prefix', '--keys-only', '')).toContain('/dropped/');
  }, 180_000);

  test('one from an old backup is brought up to date, without a node only when told to', async () => {
    const [first, , last] = cluster.nodes as [CitadelProcess, CitadelProcess, CitadelProcess];
    const backup = join(directory, 'etcd.snapshot');
    await cluster.etcd.saveSnapshot(backup);
    expect(await query(first, 'CREATE DATABASE later')).not.toContain('"error"');
    await waitUntil('it is known', async () => {
      const answers = await Promise.all(cluster.nodes.map((node) => query(node, 'SHOW DATABASES')));
      return answers.every((names) => names.includes('"later"'));
    });
    await cluster.etcd.kill();
    await cluster.etcd.restoreSnapshot(backup);
    await cluster.etcd.start();
    await waitForRefusal(2);
    await last.kill();
    const refused = await reseed();
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('cannot reseed without what these nodes know');
    const done = await reseed('-force');
    expect(done.status, done.stderr).toBe(0);
    await last.restart();
    await cluster.waitUntilHealthy(patienceMs);
    await expectAllWell('again');
    expect(await query(last, 'SHOW DATABASES')).toContain('"later"');
  }, 180_000);
});
