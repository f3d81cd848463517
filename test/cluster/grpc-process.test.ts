/**
 * The public gRPC API of one real server process, called by a client that learns everything by reflection: what is stored
 * one way is read another, batches under one write id count once, errors say what they are, and the examples run.
 */

import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeErrorFacts, errorTrailer } from '../../src/rpc/status.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { findFreePort } from '../support/free-port.ts';
import { byteList, type Fields, ReflectedClient, textsOf } from '../support/grpc-by-reflection.ts';
import { runNode } from '../support/run-command.ts';

const put = 'citadel.v1.KeyValue/Put';
const remove = 'citadel.v1.KeyValue/Delete';
const get = 'citadel.v1.KeyValue/Get';
const list = 'citadel.v1.KeyValue/List';
const writeStream = 'citadel.v1.KeyValue/WriteStream';
const write = 'citadel.v1.TimeSeries/Write';
const query = 'citadel.v1.TimeSeries/Query';

let server: CitadelProcess;
let client: ReflectedClient;
let address: string;

beforeAll(async () => {
  address = `127.0.0.1:${await findFreePort()}`;
  server = await startCitadel({ args: ['-grpc', address] });
  client = await ReflectedClient.connect(address);
}, 60_000);
afterAll(async () => {
  client?.close();
  await server?.cleanUp();
});

/** What a call fails with: status, code, message and facts. */
async function failure(call: Promise<unknown>) {
  try {
    await call;
  } catch (thrown) {
    const error = thrown as {
      code: number;
      details: string;
      metadata: { get(name: string): unknown[] };
    };
    const facts = decodeErrorFacts(String(error.metadata.get(errorTrailer)[0]));
    return { status: error.code, message: error.details, code: facts?.code, facts: facts?.details };
  }
  throw new Error('the call did not fail');
}

async function listed(table: string, more: Fields = {}): Promise<[string, string][]> {
  const parts = await client.collect(list, { table, ...more });
  return parts.flatMap(({ keys, values }) => {
    const texts = textsOf(values);
    return textsOf(keys).map((key, i): [string, string] => [key, texts[i]!]);
  });
}

/** undefined = absent. */
async function got(table: string, ...keys: string[]): Promise<(string | undefined)[]> {
  const parts = await client.collect(get, { table, keys: byteList(...keys), read: 'quorum' });
  return parts.flatMap(({ present, values }) =>
    textsOf(values).map((text, i) => ((present as Buffer)[i] === 1 ? text : undefined)),
  );
}

test('a server tells of its services, and only of those for clients when it is alone', () => {
  expect([...client.names].sort()).toEqual([
    'citadel.v1.Cluster',
    'citadel.v1.KeyValue',
    'citadel.v1.TimeSeries',
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'grpc.reflection.v1alpha.ServerReflection',
  ]);
});

test('keys are put, read, listed and deleted, and seen the same over HTTP', async () => {
  const answer = await client.call(put, {
    table: 'pairs',
    keys: byteList('b', 'a', 'c', 'a'),
    values: byteList('2', 'old', '', '1'),
  });
  expect(answer).toMatchObject({ copies: 1, level: 'one' });
  expect(await listed('pairs')).toEqual([
    ['a', '1'],
    ['b', '2'],
    ['c', ''],
  ]);
  expect(await listed('pairs', { from: Buffer.from('b'), limit: 1 })).toEqual([['b', '2']]);
  expect(await listed('pairs', { prefix: Buffer.from('c') })).toEqual([['c', '']]);
  expect(await listed('pairs', { from: Buffer.from('a'), until: Buffer.from('c') })).toHaveLength(
    2,
  );
  await client.call(remove, { table: 'pairs', keys: byteList('b', 'never') });
  expect(await got('pairs', 'a', 'b', 'c', 'never')).toEqual(['1', undefined, '', undefined]);
  const overHttp = await server.request('/kv/list', { table: 'pairs' });
  expect(overHttp.json()).toEqual([
    { Key: 'a', Value: '1' },
    { Key: 'c', Value: '' },
  ]);
});

test('a batch under one write id is written once, however often it comes', async () => {
  const batch = { table: 'once', keys: byteList('k'), values: byteList('first') };
  const again = { ...batch, write_id: Buffer.alloc(16, 7) };
  await client.call(put, again);
  await client.call(remove, { table: 'once', keys: byteList('k') });
  await client.call(put, again);
  expect(await got('once', 'k')).toEqual([undefined]);
  const overHttp = { table: 'once', writeId: Buffer.alloc(16, 7).toString('hex') };
  await server.request('/kv/put', overHttp, { method: 'POST', body: 'k=first' });
  expect(await got('once', 'k')).toEqual([undefined]);
  await client.call(put, { ...batch, write_id: Buffer.alloc(16, 8) });
  expect(await got('once', 'k')).toEqual(['first']);
});

test('a batch that comes after its time is not written', async () => {
  const batch = { table: 'late', keys: byteList('k'), values: byteList('v') };
  await client.call(put, { ...batch, keys: byteList('other') });
  const { now_ms: nowMs } = await client.call('citadel.v1.Cluster/Info', {});
  const late = await failure(client.call(put, { ...batch, not_after_ms: Number(nowMs) - 1_000 }));
  expect(late).toMatchObject({ status: status.DEADLINE_EXCEEDED, code: 'timeout' });
  const overHttp = { table: 'late', notAfter: String(Number(nowMs) - 1_000) };
  const refused = await server.request('/kv/put', overHttp, { method: 'POST', body: 'k=v' });
  expect([refused.status, refused.json()]).toEqual([500, { error: late.message }]);
  await client.call(put, {
    ...batch,
    keys: byteList('third'),
    not_after_ms: Number(nowMs) + 60_000,
  });
  expect(await got('late', 'k', 'other', 'third')).toEqual([undefined, 'v', 'v']);
});

test('each message of a stream is answered on its own, also the one that is wrong', async () => {
  const requests = Array.from({ length: 300 }, (_, i) => ({
    id: i + 1,
    put: { table: 'stream', keys: byteList(`k${i}`), values: byteList(`v${i}`) },
  }));
  const wrong = { id: 999, delete: { table: 'stream', keys: byteList('') } };
  const answers = await client.exchange(writeStream, [
    ...requests.slice(0, 100),
    wrong,
    ...requests.slice(100),
  ]);
  expect(answers).toHaveLength(301);
  const failed = answers.filter((answer) => answer.failure !== null);
  expect(failed).toHaveLength(1);
  expect(failed[0]).toMatchObject({ id: '999', failure: { code: 'invalid-argument' } });
  expect(new Set(answers.map(({ id }) => id)).size).toBe(301);
  expect(await listed('stream')).toHaveLength(300);
});

test('the largest key and value pass; larger ones are refused, and nothing of their batch is stored', async () => {
  const key = Buffer.alloc(65_536, 'k');
  const value = Buffer.alloc(16 * 1024 * 1024, 'v');
  await client.call(put, { table: 'large', keys: byteList(key), values: byteList(value) });
  const parts = await client.collect(get, { table: 'large', keys: byteList(key) });
  const [{ values } = { values: undefined }] = parts;
  expect(Buffer.compare((values as { bytes: Buffer }).bytes, value)).toBe(0);
  const tooLong = {
    table: 'large',
    keys: byteList('small', Buffer.alloc(65_537)),
    values: byteList('1', '2'),
  };
  expect(await failure(client.call(put, tooLong))).toMatchObject({
    status: status.INVALID_ARGUMENT,
    message: 'entry 1: key is too long: 65537 bytes, at most 65536; nothing was applied',
  });
  const tooLarge = {
    table: 'large',
    keys: byteList('x'),
    values: byteList(Buffer.alloc(value.length + 1)),
  };
  expect((await failure(client.call(put, tooLarge))).status).toBe(status.INVALID_ARGUMENT);
  expect(await got('large', 'small', 'x')).toEqual([undefined, undefined]);
}, 60_000);

test('what cannot be done is said in words and codes', async () => {
  expect(await failure(client.collect(list, { table: 'nobody wrote it' }))).toMatchObject({
    status: status.NOT_FOUND,
    code: 'not-found',
    message: 'table not found: "nobody wrote it"',
  });
  expect(
    await failure(client.collect(get, { table: 'nobody wrote it', keys: byteList('a') })),
  ).toMatchObject({
    status: status.NOT_FOUND,
  });
  const wrong: [string, Fields][] = [
    [put, { table: '', keys: byteList('a'), values: byteList('1') }],
    [put, { table: 't', keys: byteList('a'), values: byteList('1', '2') }],
    [put, { table: 't' }],
    [put, { table: 't', keys: byteList('a'), values: byteList('1'), consistency: 'most' }],
    [put, { table: 't', keys: byteList('a'), values: byteList('1'), write_id: Buffer.alloc(5) }],
    [
      put,
      { table: 't', keys: { bytes: Buffer.from('abc'), ends: [3, 2] }, values: byteList('1', '2') },
    ],
    [write, { database: '', lines: Buffer.from('m v=1') }],
  ];
  for (const [path, request] of wrong) {
    expect(await failure(client.call(path, request)), JSON.stringify(request)).toMatchObject({
      status: status.INVALID_ARGUMENT,
    });
  }
  expect(
    await failure(client.call(write, { database: 'no', lines: Buffer.from('m v=1') })),
  ).toMatchObject({
    status: status.NOT_FOUND,
    message: 'database not found: "no"',
  });
  expect(await failure(client.collect(query, { query: 'SELEC' }))).toMatchObject({
    status: status.INVALID_ARGUMENT,
  });
});

test('points come as lines and as columns, and queries answer columns', async () => {
  await client.collect(query, { query: 'CREATE DATABASE points' });
  const lines = Buffer.from('m,t=a f=1.5,i=7i,s="x",b=true 10\nm,t=b f=2.5 20\n');
  expect(await client.call(write, { database: 'points', lines })).toMatchObject({ copies: 1 });
  const block = {
    measurement: 'm',
    tags: [{ key: 't', value: 'c' }],
    times: ['30', '40'],
    fields: [
      { name: 'f', column: { floats: [3.5, 4.5] } },
      { name: 'i', column: { integers: ['-9007199254740993', '0'], valid: Buffer.from([1, 0]) } },
      { name: 's', column: { text_codes: [0, 0], texts: ['ü'] } },
      { name: 'b', column: { booleans: [true, false] } },
    ],
  };
  await client.call(write, { database: 'points', points: [block] });
  const overHttp = await server.request('/query', {
    db: 'points',
    epoch: 'ns',
    q: 'SELECT f, s, b FROM m',
  });
  expect(
    (overHttp.json() as { results: { series: { values: unknown[] }[] }[] }).results[0]?.series[0]
      ?.values,
  ).toEqual([
    [10, 1.5, 'x', true],
    [20, 2.5, null, null],
    [30, 3.5, 'ü', true],
    [40, 4.5, 'ü', false],
  ]);
  const asked = {
    database: 'points',
    query: 'SELECT i FROM m WHERE t = $tag; SHOW DATABASES',
    params: [{ name: 'tag', value: { text: 'c' } }],
  };
  const answers = await client.collect(query, asked);
  expect(answers.filter(({ series }) => series !== null)).toMatchObject([
    {
      statement: 0,
      series: {
        name: 'm',
        columns: ['time', 'i'],
        times: ['30'],
        values: [{ integers: ['-9007199254740993'] }],
      },
    },
    { statement: 1, series: { columns: ['name'], values: [{ mixed: [{ text: 'points' }] }] } },
  ]);
  const failed = await client.collect(query, {
    database: 'points',
    query: 'SELECT f FROM m; DROP DATABASE missing; SHOW TAG KEYS ON nope',
  });
  expect(failed.at(-1)).toMatchObject({ error: 'database not found: nope' });
});

test.each([
  [{ measurement: '' }, 'measurement is empty'],
  [{ tags: [{ key: 'a', value: '' }] }, 'tag "a" has no value'],
  [{ fields: [] }, 'there are no fields'],
  [{ times: [] }, 'has 1 values for 0 times'],
  [{ fields: [{ name: 'f', column: { floats: [Number.NaN] } }] }, 'invalid float'],
  [{ fields: [{ name: 'f', column: { floats: [1], booleans: [true] } }] }, 'several types'],
  [{ fields: [{ name: 'f', column: { text_codes: [1], texts: ['x'] } }] }, 'is not there'],
])('points with %j are refused as a whole', async (change, why) => {
  await client.collect(query, { query: 'CREATE DATABASE refused' });
  const good = {
    measurement: 'm',
    times: ['1'],
    fields: [{ name: 'f', column: { floats: [1] } }],
  };
  const points = [good, { ...good, times: ['2'], ...change }];
  const { status: code, message } = await failure(
    client.call(write, { database: 'refused', points }),
  );
  expect([code, message]).toEqual([status.INVALID_ARGUMENT, expect.stringContaining(why)]);
  const answers = await client.collect(query, { database: 'refused', query: 'SELECT f FROM m' });
  expect(answers.filter(({ series }) => series !== null)).toEqual([]);
});

test.each(['keys-and-values', 'time-series'])('the example %s runs', async (name) => {
  const file = fileURLToPath(new URL(`../../examples/${name}.mjs`, import.meta.url));
  const { status: exit, stdout, stderr } = await runNode([file, address]);
  expect([exit, stderr]).toEqual([0, '']);
  const expected = {
    'keys-and-values': [
      'apple: red',
      'plum: undefined',
      'seeds: 3000',
      'grape = basket 2',
      'apple: undefined',
    ],
    'time-series': [
      '15.75 12n',
      '82800000000000n 21.5 cloudy',
      'invalid-argument: undefined function nonsense()',
    ],
  }[name]!;
  for (const line of expected) expect(stdout).toContain(line);
});

test('a stream that a client holds open does not hold up a stop', async () => {
  const own = `127.0.0.1:${await findFreePort()}`;
  const short = await startCitadel({ args: ['-grpc', own] });
  const holder = await ReflectedClient.connect(own);
  try {
    const batch = { id: 1, put: { table: 't', keys: byteList('a'), values: byteList('1') } };
    let answered: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const ended = holder.hold(writeStream, [batch], () => answered());
    await first;
    expect(await short.stop()).toMatchObject({ code: 0 });
    expect(await ended).toMatchObject({
      code: status.UNAVAILABLE,
      details: 'the node is stopping',
    });
  } finally {
    holder.close();
    await short.cleanUp();
  }
});
