/**
 * What a gRPC server owes everybody: health, reflection that a foreign client can use, greetings that are
 * checked, answers that tell of a newer map, an orderly stop, and limits.
 */

import { execFile } from 'node:child_process';
import { connect as connectHttp2 } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer, type ServiceDefinition } from '@grpc/proto-loader';
import { afterEach, expect, test } from 'vitest';
import { CitadelError } from '../../src/base/errors.ts';
import { descriptorSetText } from '../../src/rpc/server/descriptor-set.ts';
import { decodeErrorFacts, errorTrailer } from '../../src/rpc/status.ts';
import { createFakeDataNode } from '../support/fake-data-node.ts';
import {
  makeMap,
  type RpcNode,
  type RpcNodeOptions,
  startRpcNode,
  testCluster,
} from '../support/rpc-node.ts';

const run = promisify(execFile);
const buf = fileURLToPath(new URL('../../node_modules/.bin/buf', import.meta.url));
const plain = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge'];
const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(uuid: string, options: Partial<RpcNodeOptions> = {}): Promise<RpcNode> {
  const node = await startRpcNode(uuid, { dataNode: createFakeDataNode(), ...options });
  closers.push(node.close);
  return node;
}

function clientOf(node: RpcNode): Client {
  const client = new Client(`127.0.0.1:${node.server.port}`, credentials.createInsecure());
  closers.push(() => client.close());
  return client;
}

interface Answer {
  readonly error: ServiceError | null;
  readonly bytes: Buffer;
}

/** A call as a foreign client makes it. */
function call(
  client: Client,
  path: string,
  greeting?: string,
  message = Buffer.alloc(0),
): Promise<Answer> {
  const metadata = new Metadata();
  if (greeting !== undefined) metadata.set('citadel-greeting', greeting);
  const same = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, message, metadata, {}, (error, bytes) => {
      resolve({ error, bytes: bytes ?? Buffer.alloc(0) });
    });
  });
}

/** As a protobuf library writes and reads them, by the descriptors that we serve. */
function reflectionMessages(version: string) {
  const set = Buffer.from(descriptorSetText, 'base64');
  const { [`grpc.reflection.${version}.ServerReflection`]: service } =
    loadFileDescriptorSetFromBuffer(set);
  const method = (service as ServiceDefinition).ServerReflectionInfo;
  if (method === undefined) throw new Error('the service has no such method');
  return {
    request: method.requestSerialize as (value: object) => Buffer,
    response: method.responseDeserialize as (bytes: Buffer) => Record<string, unknown>,
  };
}

const statusPath = '/citadel.internal.v1.DataNode/Status';
const healthPath = '/grpc.health.v1.Health/Check';

test('a foreign client finds all services by reflection and calls one of them', async () => {
  const { server } = await start('a');
  const url = `http://127.0.0.1:${server.port}`;
  const listed = await run(buf, [...plain, '--list-methods', url], { cwd: '/' });
  expect(listed.stdout.trim().split('\n')).toEqual([
    'citadel.internal.v1.DataNode/Digest',
    'citadel.internal.v1.DataNode/DropData',
    'citadel.internal.v1.DataNode/GetMap',
    'citadel.internal.v1.DataNode/KvGet',
    'citadel.internal.v1.DataNode/KvScan',
    'citadel.internal.v1.DataNode/Scan',
    'citadel.internal.v1.DataNode/Schema',
    'citadel.internal.v1.DataNode/Status',
    'citadel.internal.v1.DataNode/WriteShards',
    'citadel.internal.v1.DataNode/WriteStream',
    'citadel.internal.v1.Peer/Exchange',
    'grpc.health.v1.Health/Check',
    'grpc.health.v1.Health/Watch',
    'grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    'grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
  ]);
  const asked = await run(buf, [...plain, '-d', '{}', `${url}${healthPath}`], { cwd: '/' });
  expect(JSON.parse(asked.stdout)).toEqual({ status: 'SERVING' });
});

test.each([
  'v1',
  'v1alpha',
])('reflection %s answers by name, by symbol, and says what it lacks', async (version) => {
  const node = await start('a');
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const same = (bytes: Buffer) => bytes;
  const stream = clientOf(node).makeBidiStreamRequest(path, same, same, new Metadata());
  stream.on('error', () => undefined);
  const { request, response } = reflectionMessages(version);
  const ask = (question: object) =>
    new Promise<Record<string, unknown>>((resolve) => {
      stream.once('data', (bytes: Buffer) => resolve(response(bytes)));
      stream.write(request(question));
    });
  const bySymbol = await ask({ file_containing_symbol: 'citadel.internal.v1.Peer.Exchange' });
  const byName = await ask({ file_by_filename: 'citadel/internal/v1/peer.proto' });
  expect(bySymbol.file_descriptor_response).toEqual(byName.file_descriptor_response);
  const set = byName.file_descriptor_response as { file_descriptor_proto: Buffer[] };
  expect(set.file_descriptor_proto.length).toBe(1);
  const nested = await ask({
    file_containing_symbol: 'grpc.health.v1.HealthCheckResponse.ServingStatus',
  });
  expect(nested.file_descriptor_response).toBeDefined();
  expect(await ask({ file_containing_symbol: 'no.such.Thing' })).toMatchObject({
    error_response: { error_code: status.NOT_FOUND },
  });
  expect(await ask({ all_extension_numbers_of_type: 'x' })).toMatchObject({
    error_response: { error_code: status.NOT_FOUND },
  });
  expect(await ask({})).toMatchObject({ error_response: { error_code: status.INVALID_ARGUMENT } });
  stream.end();
});

test('health follows what the node says of itself, and watchers hear of it', async () => {
  const node = await start('a');
  const client = clientOf(node);
  const same = (bytes: Buffer) => bytes;
  const of = (service: string) =>
    Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);
  expect([...(await call(client, healthPath)).bytes]).toEqual([8, 1]);
  const known = await call(client, healthPath, undefined, of('citadel.internal.v1.Peer'));
  expect([...known.bytes]).toEqual([8, 1]);
  const unknown = await call(client, healthPath, undefined, of('nobody'));
  expect(unknown.error?.code).toBe(status.NOT_FOUND);
  const watch = client.makeServerStreamRequest(
    '/grpc.health.v1.Health/Watch',
    same,
    same,
    Buffer.alloc(0),
    new Metadata(),
  );
  const heard: number[] = [];
  const ended = new Promise<void>((resolve) => watch.on('end', resolve));
  let wake: () => void = () => undefined;
  watch.on('data', (bytes: Buffer) => {
    heard.push(bytes[1] ?? 0);
    wake();
  });
  watch.on('error', () => undefined);
  const untilHeard = async (count: number) => {
    while (heard.length < count)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  await untilHeard(1);
  node.server.setServing(false);
  await untilHeard(2);
  expect([...(await call(client, healthPath)).bytes]).toEqual([8, 2]);
  node.server.setServing(true);
  await untilHeard(3);
  expect(heard).toEqual([1, 2, 1]);
  await node.server.close();
  await ended;
});

test.each([
  ['no greeting', undefined, 'invalid-argument'],
  ['nonsense', 'hello there', 'invalid-argument'],
  ['broken escapes', `1 ${testCluster} me%zz s 1 a`, 'invalid-argument'],
  ['a map version that is no number', `1 ${testCluster} me s x a`, 'invalid-argument'],
  ['another cluster', '1 another me s 1 a', 'conflict'],
  ['another addressee', `1 ${testCluster} me s 1 b`, 'conflict'],
  ['an unknown wire version', '2 whatever comes then', 'unsupported-version'],
])('calls with %s are refused', async (_name, greeting, code) => {
  const client = clientOf(await start('a'));
  const { error } = await call(client, statusPath, greeting);
  const [trailer] = error?.metadata.get(errorTrailer) ?? [];
  expect(decodeErrorFacts(String(trailer))?.code).toBe(code);
  if (code === 'unsupported-version')
    expect(error?.details).toContain('run the same release on all nodes');
});

test('requests that make no sense are refused, and the server goes on', async () => {
  const client = clientOf(await start('a'));
  const greeting = `1 ${testCluster} me s 1 a`;
  const paths = ['WriteShards', 'Digest', 'DropData', 'Scan'].map(
    (name) => `/citadel.internal.v1.DataNode/${name}`,
  );
  const messages = [[], [0xff], [0x0a, 0x05, 1], [0x0a, 0x02, 1, 2], [0x08, 1]];
  for (const path of paths) {
    for (const message of messages) {
      const { error } = await call(client, path, greeting, Buffer.from(message));
      const [trailer] = error?.metadata.get(errorTrailer) ?? [];
      expect(['invalid-argument', 'corrupt']).toContain(decodeErrorFacts(String(trailer))?.code);
    }
  }
  expect((await call(client, statusPath, greeting)).error).toBeNull();
});

test('bytes that are no HTTP/2 harm nobody', async () => {
  const node = await start('a');
  const { connect } = await import('node:net');
  const socket = connect(node.server.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  socket.write('GET / HTTP/1.1\r\n\r\n'.repeat(100));
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const session = connectHttp2(`http://127.0.0.1:${node.server.port}`);
  const request = session.request({
    ':method': 'POST',
    ':path': statusPath,
    'content-type': 'text/plain',
  });
  request.end();
  const answered = await new Promise<unknown>((resolve) =>
    request.once('response', (headers) => resolve(headers[':status'])),
  );
  expect(answered).not.toBe(200);
  session.destroy();
  expect((await call(clientOf(node), healthPath)).error).toBeNull();
});

test('a message of frames does not have to wait for room on the connection', async () => {
  const node = await start('a');
  const session = connectHttp2(`http://127.0.0.1:${node.server.port}`);
  closers.push(() => session.destroy());
  const wanted = 1024 * 1024;
  const isWide = () =>
    session.remoteSettings.initialWindowSize === wanted &&
    session.state.remoteWindowSize === wanted;
  while (!isWide()) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('whoever is redirected already has the newer map', async () => {
  const behind = createFakeDataNode();
  const server = await start('a', { dataNode: behind });
  const client = await start('b');
  behind.onWrite = async () => {
    throw new CitadelError('redirect', 'not here', { details: { shard: 3 } });
  };
  client.view.set(makeMap(2, [server.record, client.record], 4));
  // Large, so that it would not fit into headers.
  server.view.set(makeMap(9, [server.record, client.record], 2_000));
  const write = client.clients.dataNode('a').writeShard({
    shard: 3,
    epoch: 1,
    mapVersion: 2,
    writeId: new Uint8Array(16),
    level: 'one',
    frame: new Uint8Array(8),
  });
  await expect(write).rejects.toMatchObject({ code: 'redirect', details: { shard: 3 } });
  expect(client.view.map).toStrictEqual(server.view.map);
});

test('any answer tells of a newer map', async () => {
  const server = await start('a');
  const client = await start('b');
  client.view.set(makeMap(2, [server.record]));
  server.view.set(makeMap(3, [server.record], 1));
  await client.clients.dataNode('a').status();
  while (client.view.map.version < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(client.view.map).toStrictEqual(server.view.map);
});

test('a node that takes no more calls says so at once', async () => {
  const behind = createFakeDataNode();
  let finish: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => {
    finish = resolve;
  });
  behind.onWrite = () => waiting;
  const server = await start('a', { dataNode: behind });
  const client = await start('b');
  client.view.set(makeMap(2, [server.record]));
  const remote = client.clients.dataNode('a');
  const request = {
    shard: 0,
    epoch: 1,
    mapVersion: 2,
    writeId: new Uint8Array(16),
    level: 'one',
  } as const;
  const writes = Array.from({ length: 1_024 }, () =>
    remote.writeShard({ ...request, frame: new Uint8Array(8) }),
  );
  await expect(remote.writeShard({ ...request, frame: new Uint8Array(8) })).rejects.toMatchObject({
    code: 'overloaded',
  });
  finish();
  expect((await Promise.all(writes)).length).toBe(1_024);
});

test('bytes under way to a node are bounded, one large request always goes', async () => {
  const behind = createFakeDataNode();
  let finish: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => {
    finish = resolve;
  });
  behind.onWrite = () => waiting;
  const server = await start('a', { dataNode: behind });
  const client = await start('b');
  client.view.set(makeMap(2, [server.record]));
  const remote = client.clients.dataNode('a');
  const request = {
    shard: 0,
    epoch: 1,
    mapVersion: 2,
    writeId: new Uint8Array(16),
    level: 'one',
  } as const;
  const large = remote.writeShard({ ...request, frame: new Uint8Array(60 * 1024 * 1024) });
  const refused = remote.writeShard({ ...request, frame: new Uint8Array(8 * 1024 * 1024) });
  await expect(refused).rejects.toMatchObject({ code: 'overloaded' });
  finish();
  expect((await large).origin).toBe('00');
  await expect(
    remote.writeShard({ ...request, frame: new Uint8Array(80 * 1024 * 1024) }),
  ).rejects.toMatchObject({ code: 'too-large' });
});

test('a server that stops lets calls under way end', async () => {
  const behind = createFakeDataNode();
  let isAsked: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve;
  });
  let finish: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => {
    finish = resolve;
  });
  behind.onWrite = () => {
    isAsked();
    return waiting;
  };
  const server = await start('a', { dataNode: behind });
  const client = await start('b');
  client.view.set(makeMap(2, [server.record, client.record]));
  server.view.set(makeMap(2, [server.record, client.record]));
  const remote = client.clients.dataNode('a');
  const request = {
    shard: 0,
    epoch: 1,
    mapVersion: 2,
    writeId: new Uint8Array(16),
    level: 'one',
  } as const;
  const write = remote.writeShard({ ...request, frame: new Uint8Array(8) });
  await asked;
  const closed = server.server.close(30_000);
  finish();
  expect((await write).copies).toBe(1);
  await closed;
  await expect(remote.writeShard({ ...request, frame: new Uint8Array(8) })).rejects.toMatchObject({
    code: 'unavailable',
  });
});

test('a port that is taken is told in so many words', async () => {
  const taken = await start('a');
  const again = startRpcNode('b', { dataNode: createFakeDataNode(), port: taken.server.port });
  await expect(again).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(`cannot listen on 127.0.0.1:${taken.server.port}`),
  });
});

test('listens on a host by its name', async () => {
  const node = await start('a', { host: 'localhost' });
  const client = new Client(`localhost:${node.server.port}`, credentials.createInsecure());
  closers.push(() => client.close());
  expect([...(await call(client, healthPath)).bytes]).toEqual([8, 1]);
});
