/**
 * Goal: a cluster goes on without etcd, never believes an etcd that lost or rolled back its data, fills a
 * wiped node again by itself, and takes in a single node with its data.
 * Method: real processes; what was acknowledged is counted afterwards, copies are compared. One cluster goes through several
 * troubles, each with a database of its own.
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CitadelCluster, sleep, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { type EtcdProcess, etcdInstalled, startEtcd } from '../support/etcd-process.ts';
import { findFreePort } from '../support/free-port.ts';
import { runBin } from '../support/run-command.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

/** TEST_ETCD_DOWN_MS: the longer script takes a minute. */
const etcdDownMs = Number(process.env.TEST_ETCD_DOWN_MS ?? 8_000);
const cleanUps: (() => Promise<void>)[] = [];
let testCount = 0;
/** Of the test. */
let db: string;

beforeEach(() => {
  db = `d${++testCount}`;
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
}, 60_000);

async function query(node: CitadelProcess, q: string): Promise<string> {
  const answer = await node.request('/query', { db, q, epoch: 'ns' }, { method: 'POST' });
  expect(answer.status, answer.text()).toBe(200);
  return answer.text();
}

/** Points 0, 1, 2, ... each through the next node; every one must be acknowledged. */
class Load {
  readonly #nodes: readonly CitadelProcess[];
  count = 0;
  slowestMs = 0;

  constructor(nodes: readonly CitadelProcess[]) {
    this.#nodes = nodes;
  }

  async write(): Promise<void> {
    const node = this.#nodes[this.count % this.#nodes.length]!;
    const body = `m,host=h${this.count % 50} v=${this.count}i ${this.count + 1}`;
    const began = performance.now();
    const answer = await node.request('/write', { db }, { method: 'POST', body });
    expect(answer.status, answer.text()).toBe(204);
    this.slowestMs = Math.max(this.slowestMs, performance.now() - began);
    this.count++;
  }

  async writeFor(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (performance.now() < end) await this.write();
  }

  async check(nodes: readonly CitadelProcess[] = this.#nodes): Promise<void> {
    const sum = (this.count * (this.count - 1)) / 2;
    for (const node of nodes) {
      expect(await query(node, 'SELECT count(v), sum(v) FROM m')).toContain(
        `[0,${this.count},${sum}]`,
      );
    }
  }
}

/** Cells of both kinds that are overwritten, on all shards. */
class Cells {
  readonly #count = 24;

  #names(): string[] {
    return Array.from({ length: this.#count }, (_, i) => `c${i}`);
  }

  /** What became of it, cell by cell. */
  write(node: CitadelProcess, value: number, timeoutMs = 30_000) {
    const options = { method: 'POST', timeoutMs };
    const all = this.#names().flatMap((name) => {
      const put = { ...options, body: `${name}=${value}` };
      const line = { ...options, body: `cell,name=${name} v=${value}i 1` };
      return [node.request('/kv/put', { table: 'd' }, put), node.request('/write', { db }, line)];
    });
    return Promise.allSettled(all);
  }

  async expectAll(node: CitadelProcess, value: number): Promise<void> {
    const shown = await query(node, 'SELECT count(v), min(v), max(v) FROM cell');
    expect(shown).toContain(`[0,${this.#count},${value},${value}]`);
    const keys = this.#names().join(',');
    const got = (await node.request('/kv/get', { table: 'd', keys })).json();
    const values = (got as { Value: string }[]).map(({ Value }) => Value);
    expect(values).toEqual(Array.from({ length: this.#count }, () => String(value)));
  }
}

async function verify(node: CitadelProcess): Promise<void> {
  await waitUntil('all copies equal', async () => {
    const { status, stdout, stderr } = await runBin('citadel', ['verify', '-url', node.url]);
    if (status !== 0) throw new Error(stdout + stderr);
    return true;
  });
}

describe.skipIf(!etcdInstalled)('a cluster in trouble', () => {
  let cluster: CitadelCluster;

  beforeAll(async () => {
    cluster = await startCluster();
  }, 60_000);

  afterAll(async () => {
    await cluster?.cleanUp();
  });

  test('etcd away: reads and writes go on; what needs it says so', async () => {
    const load = new Load(cluster.nodes);
    await query(cluster.nodes[0]!, `CREATE DATABASE ${db}`);
    await load.writeFor(500);
    await cluster.etcd.kill();
    await load.writeFor(etcdDownMs);
    await load.check();
    expect(await query(cluster.nodes[1]!, 'CREATE DATABASE other')).toContain('"error"');
    await cluster.etcd.start();
    await waitUntil('schema changes work again', async () => {
      return !(await query(cluster.nodes[1]!, 'CREATE DATABASE other')).includes('"error"');
    });
    await load.writeFor(500);
    await load.check();
    await verify(cluster.nodes[0]!);
    await cluster.waitUntilHealthy();
  }, 180_000);

  test('a node whose disk was wiped is filled again while writes go on', async () => {
    const load = new Load(cluster.nodes.slice(1));
    const [wiped] = cluster.nodes as [CitadelProcess];
    await query(wiped, `CREATE DATABASE ${db}`);
    await load.writeFor(1_500);
    const { node } = (await wiped.request('/info')).json() as { node: { uuid: string } };
    await wiped.kill();
    await load.writeFor(500);
    rmSync(wiped.dataDir, { recursive: true });
    const writing = load.writeFor(4_000);
    const args = ['-kvstore', cluster.etcd.url, '-grpc', `127.0.0.1:${await findFreePort()}`];
    await wiped.restart([...args, '-uuid', node.uuid]);
    await writing;
    await cluster.waitUntilHealthy();
    await verify(wiped);
    await load.check(cluster.nodes);
  }, 180_000);

  // The last one: what etcd says afterwards nobody believes.
  test('etcd without its data or with old data is not believed', async () => {
    const directory = makeTempDir('etcd-backup');
    cleanUps.push(async () => removeTempDir(directory));
    const load = new Load(cluster.nodes);
    await query(cluster.nodes[0]!, `CREATE DATABASE ${db}`);
    const backup = join(directory, 'backup.db');
    await cluster.etcd.saveSnapshot(backup);
    await query(cluster.nodes[0]!, 'CREATE DATABASE later');
    await load.writeFor(500);
    for (const spoil of [
      async () => cluster.etcd.wipe(),
      () => cluster.etcd.restoreSnapshot(backup),
    ]) {
      await cluster.etcd.kill();
      await spoil();
      await cluster.etcd.start();
      await waitUntil('the nodes say what is wrong', async () =>
        cluster.nodes.every((node) => node.stderr().includes('meta reseed')),
      );
      await load.writeFor(1_000);
      await load.check();
      expect(await query(cluster.nodes[2]!, 'SHOW DATABASES')).toContain('later');
      expect(await query(cluster.nodes[2]!, 'DROP DATABASE later')).toContain('"error"');
    }
  }, 180_000);
});

describe.skipIf(!etcdInstalled)('nodes in trouble', () => {
  test('a single node becomes one of a cluster with its data', async () => {
    const single = await startCitadel({ args: ['-shards', '8'] });
    cleanUps.push(() => single.cleanUp());
    await query(single, `CREATE DATABASE ${db}`);
    const load = new Load([single]);
    await load.writeFor(500);
    await single.stop();
    const etcd: EtcdProcess = await startEtcd();
    cleanUps.push(() => etcd.cleanUp());
    const join = async () => ['-kvstore', etcd.url, '-grpc', `127.0.0.1:${await findFreePort()}`];
    await single.restart(await join());
    await load.check();
    await load.write();
    const second = await startCitadel({ args: await join() });
    cleanUps.push(() => second.cleanUp());
    await waitUntil('the second node serves', async () => {
      return (await second.request('/health')).status === 200;
    });
    await load.check([single, second]);
    await single.stop();
    await single.restart([]).then(
      () => expect.fail('it must not start alone again'),
      () => expect(single.stderr()).toMatch(/start with -kvstore/),
    );
  }, 180_000);

  test('a node that is paused and one that is gone cost no acknowledged write', async () => {
    const cluster = await startCluster({ replicas: 3 });
    cleanUps.push(() => cluster.cleanUp());
    const load = new Load(cluster.nodes.slice(0, 2));
    const paused = cluster.nodes[2]!;
    await query(paused, `CREATE DATABASE ${db}`);
    await load.writeFor(500);
    const cells = new Cells();
    await cells.write(paused, 0);
    paused.pause();
    // These lie in the paused process; those who sent them give up, and write the same and more elsewhere.
    const given = await cells.write(paused, 1, 1_000);
    for (const { status } of given) expect(status).toBe('rejected');
    for (const value of [1, 2]) {
      for (const one of await cells.write(cluster.nodes[value - 1]!, value)) {
        expect(one).toMatchObject({ status: 'fulfilled', value: { status: 204 } });
      }
    }
    await load.writeFor(4_000);
    paused.resume();
    await cluster.waitUntilHealthy();
    await sleep(500);
    for (const node of cluster.nodes) await cells.expectAll(node, 2);
    await paused.kill();
    await load.writeFor(4_000);
    await paused.restart();
    await cluster.waitUntilHealthy();
    await verify(paused);
    await load.check(cluster.nodes);
  }, 180_000);
});
