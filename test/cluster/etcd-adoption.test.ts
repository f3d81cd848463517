/**
 * Goal: a node that kept its own metadata becomes a cluster's without losing a point, and neither it nor its directory
 * can be used the old way afterwards.
 * Method: real processes and a real etcd; moves are killed at different moments.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sleep, waitUntil } from '../support/citadel-cluster.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { type EtcdProcess, etcdInstalled, startEtcd } from '../support/etcd-process.ts';
import { findFreePort } from '../support/free-port.ts';

const pointCount = 500;

describe.skipIf(!etcdInstalled)('a single node that joins etcd', () => {
  let etcd: EtcdProcess;
  let node: CitadelProcess;
  let clusterArgs: readonly string[];

  beforeAll(async () => {
    etcd = await startEtcd();
    node = await startCitadel({ args: ['-shards', '8'] });
    const grpc = `127.0.0.1:${await findFreePort()}`;
    clusterArgs = ['-kvstore', etcd.url, '-grpc', grpc, '-cluster', 'moved'];
  });
  afterAll(async () => {
    await node?.cleanUp();
    await etcd?.cleanUp();
  });

  async function ask(q: string): Promise<string> {
    const answer = await node.request('/query', { db: 'mydb', q, epoch: 'ns' });
    return answer.text();
  }

  async function write(body: string): Promise<void> {
    await waitUntil('the write is taken', async () => {
      const answer = await node.request('/write', { db: 'mydb' }, { method: 'POST', body });
      if (answer.status !== 204) throw new Error(answer.text());
      return true;
    });
  }

  test('keeps its points, its catalog and its users', async () => {
    await node.request('/query', { q: 'CREATE DATABASE mydb' }, { method: 'POST' });
    await node.request('/query', { q: 'CREATE DATABASE gone' }, { method: 'POST' });
    await node.request('/query', { q: 'DROP DATABASE gone' }, { method: 'POST' });
    const q = `CREATE USER u WITH PASSWORD 'p'`;
    await node.request('/query', { q }, { method: 'POST' });
    const lines = Array.from(
      { length: pointCount },
      (_, i) => `m,host=h${i % 20} v=${i}i ${i + 1}`,
    );
    await write(lines.join('\n'));
    const before = await ask('SELECT * FROM m');
    await node.stop();
    await node.restart(clusterArgs);
    await waitUntil('the same answer', async () => (await ask('SELECT * FROM m')) === before);
    expect(await ask('SHOW DATABASES')).not.toContain('gone');
    expect(await ask('SHOW USERS')).toContain('"u"');
    await write(`m,host=late v=1i ${pointCount + 1}`);
    expect(await ask('SELECT count(v) FROM m')).toContain(`[0,${pointCount + 1}]`);
    expect(await etcd.ctl('get', '--prefix', '/citadel/moved/', '--keys-only')).not.toContain(
      'adopting',
    );
  });

  test('cannot be started alone again; as a member it can, killed or not', async () => {
    await node.kill();
    await expect(node.restart(['-shards', '8'])).rejects.toThrow(/has moved to etcd/);
    await node.restart(clusterArgs);
    await waitUntil('all points', async () => {
      return (await ask('SELECT count(v) FROM m')).includes(`[0,${pointCount + 1}]`);
    });
  });

  test('starts while etcd is away, with what it knew', async () => {
    await node.stop();
    await etcd.kill();
    await node.restart(clusterArgs);
    await waitUntil('all points', async () => {
      return (await ask('SELECT count(v) FROM m')).includes(`[0,${pointCount + 1}]`);
    });
    expect(await ask('SHOW USERS')).toContain('"u"');
    await etcd.start();
    await write('m,host=h0 v=0i 1');
  });

  test('a second node joins the cluster that it became', async () => {
    const grpc = `127.0.0.1:${await findFreePort()}`;
    const args = ['-kvstore', etcd.url, '-grpc', grpc, '-cluster', 'moved'];
    const second = await startCitadel({ args });
    try {
      await waitUntil('the same answer from the other', async () => {
        const q = 'SELECT count(v) FROM m';
        const answer = await second.request('/query', { db: 'mydb', q, epoch: 'ns' });
        return answer.text().includes(`[0,${pointCount + 1}]`);
      });
    } finally {
      await second.cleanUp();
    }
  });

  test('a move that is killed again and again is finished by the last start', async () => {
    const mover = await startCitadel({ args: ['-shards', '64'] });
    try {
      const names = Array.from({ length: 20 }, (_, i) => `db${i}`);
      for (const name of names) {
        await mover.request('/query', { q: `CREATE DATABASE ${name}` }, { method: 'POST' });
        await mover.request('/write', { db: name }, { method: 'POST', body: 'm v=1 1' });
      }
      await mover.stop();
      const grpc = `127.0.0.1:${await findFreePort()}`;
      const args = ['-kvstore', etcd.url, '-grpc', grpc, '-cluster', 'killed'];
      for (const aliveMs of [200, 300, 400, 500, 650, 800]) {
        const started = mover.restart(args).catch(() => undefined);
        await sleep(aliveMs);
        await mover.kill();
        await started;
      }
      await mover.restart(args);
      for (const db of names) {
        await waitUntil(`the point of ${db}`, async () => {
          const answer = await mover.request('/query', { db, q: 'SELECT v FROM m' });
          return answer.text().includes('00:00:00.000000001Z');
        });
      }
    } finally {
      await mover.cleanUp();
    }
  });
});
