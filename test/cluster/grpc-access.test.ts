/** Where users log in, calls of the public gRPC API need the same name, password and rights as requests over HTTP. */

import { Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CitadelClient } from '../../client/client.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { findFreePort } from '../support/free-port.ts';
import { byteList, type Fields, ReflectedClient } from '../support/grpc-by-reflection.ts';

type ClientModule = typeof import('../../client/client.ts');

const { openClient } = (await import(
  new URL('../../dist/client/client.js', import.meta.url).href
)) as ClientModule;

const admin = { u: 'root', p: 'secret words' };
const statements = [
  'CREATE DATABASE shown',
  'CREATE DATABASE hidden',
  "CREATE USER ann WITH PASSWORD 'pw'",
  'GRANT ALL ON shown TO ann',
];
let server: CitadelProcess;
let foreign: ReflectedClient;
let address: string;
const clients: CitadelClient[] = [];

beforeAll(async () => {
  address = `127.0.0.1:${await findFreePort()}`;
  server = await startCitadel({ args: ['-grpc', address, '-auth-enabled', 'true'] });
  const ask = (q: string, params: Record<string, string>) =>
    server.request('/query', { ...params, q }, { method: 'POST' });
  await ask(`CREATE USER ${admin.u} WITH PASSWORD '${admin.p}' WITH ALL PRIVILEGES`, {});
  for (const q of statements) expect((await ask(q, admin)).status, q).toBe(200);
  foreign = await ReflectedClient.connect(address);
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.close();
  foreign?.close();
  await server?.cleanUp();
});

async function open(name: string, password: string): Promise<CitadelClient> {
  const client = await openClient({ nodes: address, user: { name, password } });
  clients.push(client);
  return client;
}

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'done',
    (error: { code: unknown }) => error.code,
  );
}

test('without a login nothing is told and nothing is written', async () => {
  const put: Fields = { table: 'shown', keys: byteList('a'), values: byteList('1') };
  expect(await codeOf(foreign.call('citadel.v1.KeyValue/Put', put))).toBe(status.PERMISSION_DENIED);
  expect(await codeOf(foreign.call('citadel.v1.Cluster/Info', {}))).toBe(status.PERMISSION_DENIED);
  const asked = foreign.collect('citadel.v1.TimeSeries/Query', { query: 'SHOW DATABASES' });
  expect(await codeOf(asked)).toBe(status.PERMISSION_DENIED);
  expect(await codeOf(open('ann', 'wrong'))).toBe('unauthorized');
  const stream = await foreign.exchange('citadel.v1.KeyValue/WriteStream', [{ id: 1, put }]);
  expect(stream).toMatchObject([{ id: '1', failure: { code: 'unauthorized' } }]);
});

test('a user does what was granted and no more', async () => {
  const ann = await open('ann', 'pw');
  await ann.table('shown').put('a', '1');
  expect(await ann.table('shown').getText('a')).toBe('1');
  await ann.write('shown', 'm v=1 1');
  const rows: unknown[] = [];
  for await (const piece of ann.query('SELECT v FROM m', { database: 'shown' })) {
    rows.push(...piece.column('v'));
  }
  expect(rows).toEqual([1]);
  expect(await codeOf(ann.table('hidden').put('a', '1'))).toBe('forbidden');
  expect(await codeOf(ann.table('hidden').get('a'))).toBe('forbidden');
  expect(await codeOf(ann.table('hidden').list().next())).toBe('forbidden');
  expect(await codeOf(ann.write('hidden', 'm v=1 1'))).toBe('forbidden');
  expect(await codeOf(ann.query('DROP DATABASE shown').next())).toBe('forbidden');
  const metadata = new Metadata();
  metadata.set('authorization', `Token ${admin.u}:${admin.p}`);
  const info = await foreign.call('citadel.v1.Cluster/Info', {}, metadata);
  expect(info.databases).toContain('hidden');
});
