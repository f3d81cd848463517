/**
 * Goal: a program with `citadel/client` that knows one node of three notices nothing when nodes are killed or paused: every
 * call is answered, what was acknowledged is there, what was deleted stays deleted, and a list goes on elsewhere.
 * Method: the client as users import it, from the built tree, against three real nodes.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CitadelClient } from '../../client/client.ts';
import { type CitadelCluster, startCluster } from '../support/citadel-cluster.ts';
import { etcdInstalled } from '../support/etcd-process.ts';

type ClientModule = typeof import('../../client/client.ts');

const { isCitadelError, openClient } = (await import(
  new URL('../../dist/client/client.js', import.meta.url).href
)) as ClientModule;

const values = new Map<string, string | undefined>();

describe.skipIf(!etcdInstalled)('citadel/client and three nodes', () => {
  let cluster: CitadelCluster;
  let client: CitadelClient;

  beforeAll(async () => {
    cluster = await startCluster({ replicas: 3, shards: 4, args: ['-lease', '2s'] });
    const info = await cluster.nodes[0]!.request('/info');
    const { nodes } = info.json() as { nodes: { rpcUrl: string; httpUrl: string }[] };
    const { rpcUrl } = nodes.find(({ httpUrl }) => httpUrl === cluster.urls[0])!;
    client = await openClient({ nodes: rpcUrl, patienceMs: 45_000, consistency: 'quorum' });
  }, 150_000);
  afterAll(async () => {
    client?.close();
    await cluster?.cleanUp();
  });

  test('it finds all nodes through the one it was given', async () => {
    expect(client.nodes).toHaveLength(3);
    const { stores, nodes } = await client.info();
    expect(nodes).toHaveLength(3);
    expect(stores[0]).toMatchObject({ kind: 'tstore', shardCount: 4 });
  });

  test('calls are answered while nodes are killed and paused', async () => {
    const table = client.table('users');
    let isRunning = true;
    let rounds = 0;
    // Each worker has keys of its own, so that it knows what they must hold.
    const work = async (worker: number) => {
      for (let round = 0; isRunning; round++) {
        const key = `w${worker}-${round % 25}`;
        const value = round % 4 === 3 ? undefined : `${worker}.${round}`;
        if (value === undefined) await table.delete(key);
        else await table.put(key, value);
        values.set(key, value);
        expect(await table.getText(key)).toBe(value);
        if (round % 10 === 0)
          await client.write('points', `m,w=${worker} v=${round}i ${round + 1}`);
        rounds++;
      }
    };
    for await (const _ of client.query('CREATE DATABASE points')) expect.unreachable();
    const workers = Promise.all([0, 1, 2, 3].map(work));
    const goesOn = async () => {
      const enough = rounds + 24;
      while (rounds < enough) {
        await Promise.race([workers, new Promise((resolve) => setTimeout(resolve, 20))]);
      }
    };
    try {
      await goesOn();
      await cluster.nodes[0]!.kill();
      await goesOn();
      await cluster.nodes[0]!.restart();
      await cluster.waitUntilHealthy(60_000);
      cluster.nodes[1]!.pause();
      await goesOn();
      cluster.nodes[1]!.resume();
      await goesOn();
    } finally {
      cluster.nodes[1]!.resume();
      isRunning = false;
    }
    await workers;
    await cluster.waitUntilHealthy(60_000);
    const expected = [...values].filter(([, value]) => value !== undefined).sort();
    const listed: [string, string][] = [];
    for await (const { key, value } of table.list({ read: 'quorum' })) {
      listed.push([Buffer.from(key).toString(), Buffer.from(value).toString()]);
    }
    expect(listed).toEqual(expected);
  }, 240_000);

  test('a list goes on at another node behind its last key', async () => {
    const table = client.table('many');
    const entry = (i: number) => [`k${String(i).padStart(6, '0')}`, 'v'.repeat(2_000)] as const;
    const count = 6_000;
    await table.putAll(Array.from({ length: count }, (_, i) => entry(i)));
    const keys: string[] = [];
    for await (const { key } of table.list()) {
      keys.push(Buffer.from(key).toString());
      // Whichever node is asked, it goes while the answer is under way.
      if (keys.length === 100) await cluster.nodes[2]!.kill();
      if (keys.length === 200) await cluster.nodes[2]!.restart();
    }
    expect(keys).toEqual(Array.from({ length: count }, (_, i) => entry(i)[0]));
    await cluster.waitUntilHealthy(60_000);
  }, 180_000);

  test('what is wrong is not tried again, and a client that is closed says so', async () => {
    const failure = async (call: Promise<unknown>) => {
      const error = await call.catch((thrown: unknown) => thrown);
      return isCitadelError(error) ? error.code : error;
    };
    expect(await failure(client.table('nobody wrote it').get('a'))).toBe('not-found');
    expect(await failure(client.table('users').put('', 'v'))).toBe('invalid-argument');
    expect(await failure(client.write('no such database', 'm v=1'))).toBe('not-found');
    const query = client.query('SELECT nonsense FROM', { database: 'points' });
    expect(await failure(query.next())).toBe('invalid-argument');
    client.close();
    expect(await failure(client.table('users').get('a'))).toBe('cancelled');
  });
});
