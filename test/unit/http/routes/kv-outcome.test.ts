/**
 * Goal: an answer says which entries of a batch were applied, and a shard that cannot answer is never an absent key.
 * Method: the real server and broker over a data node whose shards fail as they are told to.
 */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { shardHash, shardOfHash } from '../../../../src/model/shard-hash.ts';
import { type InProcessServer, startInProcessServer } from '../../../support/in-process-server.ts';

let server: InProcessServer;

beforeEach(async () => {
  server = await startInProcessServer();
});
afterEach(async () => {
  await server.stop();
});

const keys = Array.from({ length: 100 }, (_, i) => `key${i}`);
const shardOf = (key: string) => shardOfHash(shardHash('test', Buffer.from(key)), 4);
const numbersOf = (shard: number) => keys.flatMap((key, i) => (shardOf(key) === shard ? [i] : []));

function put() {
  const body = keys.map((key) => `${key}=v`).join('\n');
  return server.request('/kv/put', { table: 'test' }, { method: 'POST', body });
}

test('a shard that refuses: its entries were not applied, the others were', async () => {
  server.dataNode.onWrite = async ({ shard, kind }) => {
    expect(kind).toBe('kstore');
    if (shard === 2) throw new CitadelError('overloaded', 'cannot write: memory budget used up');
  };
  const { status, headers, ...answer } = await put();
  expect(status).toBe(503);
  expect(headers['retry-after']).toBe('1');
  expect(answer.json()).toEqual({
    error: 'cannot write: memory budget used up',
    entries: 100,
    applied: 100 - numbersOf(2).length,
    notApplied: numbersOf(2),
    unknown: [],
  });
  expect(server.dataNode.writes.map(({ shard }) => shard).sort()).toEqual([0, 1, 3]);
});

test('a shard that breaks off: the fate of its entries is not known', async () => {
  server.dataNode.onWrite = async ({ shard }) => {
    if (shard === 1) throw new CitadelError('unavailable', 'connection lost');
  };
  const answer = await put();
  expect(answer.status).toBe(500);
  expect(answer.json()).toEqual({
    error: 'timeout',
    entries: 100,
    applied: 100 - numbersOf(1).length,
    notApplied: [],
    unknown: numbersOf(1),
  });
});

test('reads that no node answers are 503', async () => {
  const get = await server.request('/kv/get', { table: 'test', keys: 'a' });
  expect([get.status, (get.json() as { error: string }).error]).toEqual([
    503,
    'node node serves no key-value shards',
  ]);
  expect((await server.request('/kv/list', { table: 'test' })).status).toBe(503);
});

test('a shard that leaves keys out of its answer has not said that they are absent', async () => {
  const values = { bytes: new Uint8Array(0), ends: Uint32Array.of(0) };
  Object.assign(server.dataNode, {
    kv: {
      async *stream() {
        yield { shard: shardOf('a'), start: 0, present: Uint8Array.of(0), values, hasTable: true };
      },
      get() {
        return [this.stream()];
      },
      scan: () => [],
    },
  });
  expect((await server.request('/kv/get', { table: 'test', keys: 'a' })).json()).toEqual([
    { Key: 'a', Value: null },
  ]);
  const other = keys.find((key) => shardOf(key) !== shardOf('a'))!;
  const both = await server.request('/kv/get', { table: 'test', keys: `a,${other}` });
  expect(both.status).toBe(503);
});
