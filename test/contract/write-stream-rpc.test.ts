/** Streams of writes between nodes: when they break, when they are too old, when nobody answers. */

import { Server, ServerCredentials, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';
import type { WriteShardRequest } from '../../src/rpc/data-node-api.ts';
import { dataNodeService } from '../../src/rpc/methods.ts';
import { openRpcClients } from '../../src/rpc/rpc.ts';
import { makeDataNodeService } from '../../src/rpc/server/data-node-service.ts';
import { makeWriteStreams } from '../../src/rpc/server/write-streams.ts';
import { createFakeDataNode } from '../support/fake-data-node.ts';
import {
  makeMap,
  makeMapSource,
  makeNodeRecord,
  makeRpcEnv,
  startRpcNode,
  testCluster,
} from '../support/rpc-node.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const identity = { clusterUuid: testCluster, node: 'b', storeId: 'store-b' };

function makeWrite(shard = 3): WriteShardRequest {
  return {
    shard,
    epoch: 7,
    mapVersion: 2,
    writeId: new Uint8Array(16),
    level: 'quorum',
    frame: new Uint8Array(100).fill(shard),
  };
}

/** Clients of node `b`, which know node `a` at the address. */
function connectTo(rpcUrl: string, clock: Partial<ReturnType<typeof makeRpcEnv>['clock']> = {}) {
  const env = makeRpcEnv();
  const view = makeMapSource(makeMap(2, [makeNodeRecord('a', { rpcUrl })]));
  const clients = openRpcClients({
    env: { ...env, clock: { ...env.clock, ...clock } },
    identity,
    view,
  });
  closers.push(() => clients.close());
  return clients.dataNode('a');
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('many turns of writes come through one stream, each with its own answer', async () => {
  const behind = createFakeDataNode();
  const server = await startRpcNode('a', { dataNode: behind });
  closers.push(server.close);
  const remote = connectTo(server.record.rpcUrl);
  const sequences: number[] = [];
  for (let turn = 0; turn < 20; turn++) {
    const turnOf = Array.from({ length: 7 }, (_, i) => remote.writeShard(makeWrite(turn * 7 + i)));
    sequences.push(...(await Promise.all(turnOf)).map(({ sequence }) => sequence));
  }
  expect(sequences).toEqual(Array.from({ length: 140 }, (_, i) => i + 1));
  expect(behind.writes.map(({ shard }) => shard)).toEqual(Array.from({ length: 140 }, (_, i) => i));
});

// Goal: what is unanswered when a stream breaks fails, and the node hears of it; what comes then is not lost with it.
// Method: the connection is reset with a write under way.
test('a stream that breaks fails what it carried, the next write opens another', async () => {
  const behind = createFakeDataNode();
  let givenUp: AbortSignal | undefined;
  const { writeShard } = behind;
  behind.writeShard = (request, signal) => {
    if (request.shard !== 1) return writeShard(request);
    givenUp = signal;
    return new Promise(() => undefined);
  };
  const server = await startRpcNode('a', { dataNode: behind });
  closers.push(server.close);
  const proxy = await startTcpProxy(server.server.port);
  closers.push(proxy.close);
  const remote = connectTo(proxy.url);
  const lost = expect(remote.writeShard(makeWrite(1))).rejects.toMatchObject({
    code: 'unavailable',
  });
  await until(() => givenUp !== undefined);
  proxy.cut();
  await lost;
  await until(() => givenUp?.aborted === true);
  let answer: unknown;
  while (answer === undefined)
    answer = await remote.writeShard(makeWrite(2)).catch(() => undefined);
  expect(answer).toMatchObject({ copies: 1 });
});

test('a node of a release without streams gets its writes in calls', async () => {
  const behind = createFakeDataNode();
  const env = makeRpcEnv();
  const view = makeMapSource(makeMap(2, []));
  const host = {
    identity: { ...identity, node: 'a' },
    view,
    timers: env.timers,
    log: env.log,
    noteDropped: env.host.noteDropped,
  };
  const server = new Server();
  const { WriteStream: _, ...methods } = dataNodeService;
  const handlers: UntypedServiceImplementation = makeDataNodeService(
    host,
    behind,
    makeWriteStreams(host, behind),
  );
  server.addService(methods, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  closers.push(() => server.forceShutdown());
  const remote = connectTo(`http://127.0.0.1:${port}`);
  const writes = Array.from({ length: 10 }, (_, shard) => remote.writeShard(makeWrite(shard)));
  expect((await Promise.all(writes)).length).toBe(10);
  expect((await remote.writeShard(makeWrite(10))).sequence).toBe(11);
  expect(behind.writes.map(({ shard }) => shard)).toEqual(Array.from({ length: 11 }, (_, i) => i));
});

test('a write that nobody answers is given up after a minute, on both sides', async () => {
  const behind = createFakeDataNode();
  let givenUp: AbortSignal | undefined;
  behind.writeShard = (_request, signal) => {
    givenUp = signal;
    return new Promise(() => undefined);
  };
  const server = await startRpcNode('a', { dataNode: behind });
  closers.push(server.close);
  let laterMs = 0;
  const remote = connectTo(server.record.rpcUrl, {
    monotonicMs: () => performance.now() + laterMs,
  });
  const write = remote.writeShard(makeWrite());
  const failure = expect(write).rejects.toMatchObject({ code: 'timeout' });
  await until(() => givenUp !== undefined);
  expect(givenUp?.aborted).toBe(false);
  laterMs = 60_000;
  await failure;
  await until(() => givenUp?.aborted === true);
});

test('a server that stops answers what it took, and refuses what comes then', async () => {
  const behind = createFakeDataNode();
  let goOn: () => void = () => undefined;
  let isAsked = false;
  behind.onWrite = () => {
    isAsked = true;
    return new Promise((resolve) => {
      goOn = resolve;
    });
  };
  const server = await startRpcNode('a', { dataNode: behind });
  closers.push(server.close);
  const remote = connectTo(server.record.rpcUrl);
  const taken = remote.writeShard(makeWrite(1));
  await until(() => isAsked);
  const closed = server.server.close(30_000);
  await expect(remote.writeShard(makeWrite(2))).rejects.toMatchObject({ code: 'unavailable' });
  goOn();
  expect((await taken).copies).toBe(1);
  await closed;
  expect(behind.writes.map(({ shard }) => shard)).toEqual([1]);
});
