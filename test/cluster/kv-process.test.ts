/**
 * Keys and values through one real server process: the first calls word by word, every form of a batch, lists in
 * order and by cursor, and that nothing acknowledged is lost by SIGKILL.
 */

import { afterEach, expect, test } from 'vitest';
import {
  type CitadelOptions,
  type CitadelProcess,
  startCitadel,
} from '../support/citadel-process.ts';
import type { HttpResponse } from '../support/http-client.ts';

const binaryType = 'application/x-citadel-kv';
const started: CitadelProcess[] = [];

afterEach(async () => {
  for (const server of started.splice(0)) await server.cleanUp();
});

async function start(options: CitadelOptions = {}): Promise<CitadelProcess> {
  const server = await startCitadel(options);
  started.push(server);
  return server;
}

type Params = Readonly<Record<string, string>>;

function post(
  server: CitadelProcess,
  path: string,
  params: Params,
  body: string | Uint8Array,
  headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' },
): Promise<HttpResponse> {
  return server.request(path, { table: 'test', ...params }, { method: 'POST', body, headers });
}

async function answer(server: CitadelProcess, path: string, params: Params = {}): Promise<unknown> {
  const { status, body } = await server.request(path, { table: 'test', ...params });
  return status === 200 ? JSON.parse(body.toString()) : { status, ...JSON.parse(body.toString()) };
}

const names = (count: number) =>
  Array.from({ length: count }, (_, i) => `key${String(i).padStart(5, '0')}`);

test('the first calls, word by word', async () => {
  const server = await start();
  expect(await answer(server, '/kv/list')).toEqual({
    status: 404,
    error: 'table not found: "test"',
  });
  for (const pair of ['testKey1=testVal1', 'testKey2=testVal2', 'testKey3=testVal3']) {
    expect((await post(server, '/kv/put', {}, pair)).status).toBe(204);
  }
  expect(await answer(server, '/kv/list')).toEqual([
    { Key: 'testKey1', Value: 'testVal1' },
    { Key: 'testKey2', Value: 'testVal2' },
    { Key: 'testKey3', Value: 'testVal3' },
  ]);
  expect((await post(server, '/kv/delete', {}, 'testKey3')).status).toBe(204);
  expect(await answer(server, '/kv/get', { keys: 'testKey1' })).toEqual([
    { Key: 'testKey1', Value: 'testVal1' },
  ]);
  expect(await answer(server, '/kv/get', { keys: 'testKey3,testKey2' })).toEqual([
    { Key: 'testKey3', Value: null },
    { Key: 'testKey2', Value: 'testVal2' },
  ]);
});

test('bad requests name what is wrong, and apply nothing', async () => {
  const server = await start();
  await post(server, '/kv/put', {}, 'a=1');
  const errorOf = async (response: Promise<HttpResponse>) => {
    const { status, body } = await response;
    return [status, (JSON.parse(body.toString()) as { error: string }).error];
  };
  expect(await errorOf(server.request('/kv/list'))).toEqual([400, 'table is required']);
  expect(await errorOf(server.request('/kv/get', { table: 'test' }))).toEqual([
    400,
    'keys is required',
  ]);
  expect(await errorOf(server.request('/kv/get', { table: 'no', keys: 'a' }))).toEqual([
    404,
    'table not found: "no"',
  ]);
  expect(await errorOf(post(server, '/kv/put', {}, 'b=2\nnonsense'))).toEqual([
    400,
    'bad pair on line 2: no "="; nothing was applied',
  ]);
  const long = `${'k'.repeat(65_537)}=1`;
  expect(await errorOf(post(server, '/kv/put', {}, `b=2\n${long}`))).toEqual([
    400,
    'bad pair on line 2: key is too long: 65537 bytes, at most 65536; nothing was applied',
  ]);
  expect(await errorOf(post(server, '/kv/put', { consistency: 'most' }, 'b=2'))).toEqual([
    400,
    'invalid consistency level',
  ]);
  const ifNone = { 'if-none-match': '*' };
  expect(await errorOf(post(server, '/kv/put', {}, 'b=2', ifNone))).toEqual([
    501,
    'conditional puts are not implemented',
  ]);
  const list = (params: Params) =>
    errorOf(server.request('/kv/list', { table: 'test', ...params }));
  expect(await list({ limit: '0' })).toEqual([400, 'limit is not a whole number above 0']);
  expect(await list({ read: 'any' })).toEqual([
    400,
    'invalid read level (use one, primary or quorum)',
  ]);
  expect(await answer(server, '/kv/list')).toEqual([{ Key: 'a', Value: '1' }]);
});

test('a list is in order over all shards, by prefix, range and cursor', async () => {
  const server = await start();
  const keys = names(3000);
  const items = keys.map((Key, i) => ({ Key, Value: `v${i}` }));
  const json = { 'content-type': 'application/json' };
  expect((await post(server, '/kv/put', {}, JSON.stringify(items), json)).status).toBe(204);
  expect(await answer(server, '/kv/list')).toEqual(items);
  expect(await answer(server, '/kv/list', { prefix: 'key012' })).toEqual(items.slice(1200, 1300));
  expect(await answer(server, '/kv/list', { from: 'key00010', until: 'key00012' })).toEqual(
    items.slice(10, 12),
  );
  const pages: unknown[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page = (await answer(server, '/kv/list', { limit: '700', cursor })) as {
      items: unknown[];
      cursor: string | null;
    };
    pages.push(...page.items);
    cursor = page.cursor;
  }
  expect(pages).toEqual(items);
});

test('binary bodies carry every byte and large values', async () => {
  const server = await start();
  const key = Uint8Array.of(0, 255, 61, 44, 10);
  const value = new Uint8Array(9 * 1024 * 1024).map((_, i) => (i * 7) % 251);
  const head = new Uint8Array(1 + 4 + key.length + 4);
  const view = new DataView(head.buffer);
  head[0] = 1;
  view.setUint32(1, key.length, true);
  head.set(key, 5);
  view.setUint32(5 + key.length, value.length, true);
  const body = Buffer.concat([head, value]);
  const type = { 'content-type': binaryType };
  expect((await post(server, '/kv/put', {}, body, type)).status).toBe(204);
  const listed = await server.request(
    '/kv/list',
    { table: 'test' },
    { headers: { accept: binaryType } },
  );
  const end = Uint8Array.of(4, 0, 0, 0, 0);
  expect(Buffer.compare(listed.body, Buffer.concat([body, end]))).toBe(0);
  const base64 = Buffer.from(key).toString('base64url');
  const got = (await answer(server, '/kv/get', { keys: base64, encoding: 'base64' })) as {
    KeyBase64: string;
    ValueBase64: string;
  }[];
  expect(Buffer.compare(Buffer.from(got[0]!.ValueBase64, 'base64'), Buffer.from(value))).toBe(0);
});

// Few small values are read in one turn of a worker, larger ones as a stream: here both, from memory and from files,
// alone, together, and more at a time than go in one message.
test('values of every size come back, many gets at a time', async () => {
  const server = await start();
  const sizes = [0, 1, 100, 16_384, 16_385, 32_768, 32_769, 300_000];
  const text = (i: number) => String(i % 10).repeat(sizes[i]!);
  for (const i of sizes.keys()) await post(server, '/kv/put', {}, `size${i}=${text(i)}`);
  await post(
    server,
    '/kv/put',
    {},
    names(400)
      .map((name) => `${name}=of ${name}`)
      .join('\n'),
  );
  const entry = (name: string, value: string | null) => ({ Key: name, Value: value });
  const check = async () => {
    const all = sizes.map((_, i) => entry(`size${i}`, text(i)));
    for (const [i, one] of all.entries()) {
      expect(await answer(server, '/kv/get', { keys: `size${i}` })).toEqual([one]);
    }
    const keys = [...all.map(({ Key }) => Key), 'absent'].join(',');
    expect(await answer(server, '/kv/get', { keys })).toEqual([...all, entry('absent', null)]);
    const gets = names(400).map((name) =>
      answer(server, '/kv/get', { keys: `${name},no ${name}` }),
    );
    expect(await Promise.all(gets)).toEqual(
      names(400).map((name) => [entry(name, `of ${name}`), entry(`no ${name}`, null)]),
    );
  };
  await check();
  await server.stop();
  await server.restart();
  await check();
}, 120_000);

// Method: writers put and delete keys of their own until the server is killed; what was acknowledged last of each key
// must be what is read, unless a later, unanswered operation of that key came through.
test('nothing acknowledged is lost, and no deleted key comes back, over SIGKILL', async () => {
  const server = await start();
  const acked = new Map<string, string | null>();
  const inFlight = new Map<string, string | null>();
  let isRunning = true;
  let count = 0;
  const write = async (writer: number): Promise<void> => {
    for (let round = 0; isRunning; round++) {
      const key = `w${writer}-${round % 40}`;
      const value = round % 3 === 2 ? null : `${writer}.${round}`;
      inFlight.set(key, value);
      try {
        const done =
          value === null
            ? await post(server, '/kv/delete', {}, key)
            : await post(server, '/kv/put', {}, `${key}=${value}`);
        if (done.status !== 204) continue;
      } catch {
        return;
      }
      acked.set(key, value);
      inFlight.delete(key);
      count++;
      if (count === 600) {
        isRunning = false;
        await server.kill();
      }
    }
  };
  await Promise.all([0, 1, 2, 3].map(write));
  await server.restart();
  const check = async () => {
    const listed = (await answer(server, '/kv/list')) as { Key: string; Value: string }[];
    const found = new Map(listed.map(({ Key, Value }) => [Key, Value]));
    for (const [key, value] of acked) {
      const now = found.get(key) ?? null;
      if (now !== value) expect([key, now]).toEqual([key, inFlight.get(key)]);
    }
  };
  await check();
  await server.stop();
  await server.restart();
  await check();
}, 120_000);
