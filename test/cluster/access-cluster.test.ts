/**
 * Goal: users and grants are the cluster's: what is changed on one node counts on the others, also without etcd.
 * Method: two real nodes and an etcd; what a node has heard of is asked for until it has.
 */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { loginWays, noLogin, peopleStatements } from '../support/access-people.ts';
import { type CitadelCluster, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import type { CitadelProcess } from '../support/citadel-process.ts';

const patienceMs = 60_000;

let cluster: CitadelCluster;

beforeAll(async () => {
  const args = ['-auth-enabled', 'true'];
  cluster = await startCluster({ nodeCount: 2, replicas: 2, shards: 2, args });
}, 120_000);

afterAll(() => cluster?.cleanUp());

function ask(node: CitadelProcess, q: string, login = loginWays.basic!('admin'), db = 'mine') {
  const params = { q, db, ...login.params };
  return node.request('/query', params, { method: 'POST', headers: login.headers });
}

function write(node: CitadelProcess, name: string) {
  const { headers } = loginWays.basic!(name);
  return node.request('/write', { db: 'mine' }, { method: 'POST', headers, body: 'm v=1 1' });
}

function untilStatus(what: string, expected: number, request: () => Promise<{ status: number }>) {
  return waitUntil(what, async () => (await request()).status === expected, patienceMs);
}

test('what one node is told, the other one keeps to', async () => {
  const [one, two] = cluster.nodes as [CitadelProcess, CitadelProcess];
  for (const [i, q] of peopleStatements.entries()) {
    const { status } = await ask(one, q, i === 0 ? noLogin : loginWays.basic!('admin'));
    expect(status, q).toBe(200);
  }
  await untilStatus('the grant is known there', 204, () => write(two, 'writer'));
  expect((await write(two, 'reader')).status).toBe(403);

  expect((await ask(two, 'REVOKE WRITE ON mine FROM writer')).status).toBe(200);
  await untilStatus('the right is gone here', 403, () => write(one, 'writer'));
  await ask(one, "SET PASSWORD FOR writer = 'another one'");
  await untilStatus('the old password is refused there', 401, () => write(two, 'writer'));
  await ask(one, 'DROP USER owner');
  await untilStatus('the dropped user is refused there', 401, () => write(two, 'owner'));
});

test('without etcd users log in as before, and nothing about them changes', async () => {
  const [one] = cluster.nodes as [CitadelProcess];
  await cluster.etcd.kill();
  expect((await ask(one, 'SHOW USERS')).status).toBe(200);
  expect((await ask(one, 'SELECT v FROM m', loginWays.basic!('reader'))).status).toBe(200);
  expect((await write(one, 'reader')).status).toBe(403);
  const { results } = (await ask(one, 'GRANT ALL TO reader')).json() as {
    results: { error?: string }[];
  };
  expect(results[0]?.error).toBeDefined();
  expect((await write(one, 'reader')).status).toBe(403);
});
