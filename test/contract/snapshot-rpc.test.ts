/**
 * Snapshots over real sockets: pieces as they were given, or an error; a stream that was cut anywhere is
 * never taken for a whole one.
 */

import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { CitadelError } from '../../src/base/errors.ts';
import type { OpenSnapshot } from '../../src/rpc/snapshot-api.ts';
import { createFakeDataNode } from '../support/fake-data-node.ts';
import { makeMap, type RpcNode, type RpcNodeOptions, startRpcNode } from '../support/rpc-node.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const closers: (() => Promise<void> | void)[] = [];
const never = new AbortController().signal;

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(uuid: string, options: Partial<RpcNodeOptions> = {}): Promise<RpcNode> {
  const node = await startRpcNode(uuid, { dataNode: createFakeDataNode(), ...options });
  closers.push(node.close);
  return node;
}

/** Two nodes; `b` fetches from `a`, at another address if one is given. */
async function pair(open?: OpenSnapshot, options: Partial<RpcNodeOptions> = {}) {
  const a = await start('a', options);
  const b = await start('b', { snapshotQuietMs: 3_000 });
  if (open !== undefined) a.clients.snapshots.serveSnapshots(open);
  const knows = (snapshotUrl = a.record.snapshotUrl) =>
    b.view.set(makeMap(b.view.map.version + 1, [{ ...a.record, snapshotUrl }]));
  knows();
  const fetch = (signal = never) => b.clients.snapshots.fetchSnapshot('a', 'kstore', 5, signal);
  return { a, b, knows, fetch };
}

function giving(pieces: readonly Uint8Array[]): OpenSnapshot {
  return async function* () {
    yield* pieces;
  };
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

function makePieces(count: number, size: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => new Uint8Array(size).fill(i));
}

function same(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((piece, i) => Buffer.compare(piece, b[i]!) === 0);
}

test('pieces keep their bounds and order, whatever their sizes, and own their buffers', async () => {
  let pieces: readonly Uint8Array[] = [];
  const { fetch } = await pair((...asked) => giving(pieces)(...asked));
  const sizes = fc.array(fc.oneof(fc.nat(10), fc.nat(200_000)), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(sizes, async (list) => {
      pieces = list.map((size, i) => new Uint8Array(size).fill(i + 1));
      const got = await collect(fetch());
      expect(same(got, pieces)).toBe(true);
      expect(got.every(({ buffer, length }) => buffer.byteLength === length)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('asks for the kind and shard it was told', async () => {
  const asked: unknown[] = [];
  const { b } = await pair((kind, shard) => {
    asked.push([kind, shard]);
    return giving([])(kind, shard, never);
  });
  await collect(b.clients.snapshots.fetchSnapshot('a', 'tstore', 0, never));
  await collect(b.clients.snapshots.fetchSnapshot('a', 'kstore', 1023, never));
  expect(asked).toEqual([
    ['tstore', 0],
    ['kstore', 1023],
  ]);
});

test.each([
  ['at once', 0],
  ['after some pieces', 3],
])('passes on an error of the producer whole, %s', async (_when, count) => {
  const { fetch } = await pair(async function* () {
    yield* makePieces(count, 1_000);
    throw new CitadelError('overloaded', 'too many snapshots: "ä"', { details: { limit: 2n } });
  });
  const got: Uint8Array[] = [];
  const read = (async () => {
    for await (const piece of fetch()) got.push(piece);
  })();
  await expect(read).rejects.toMatchObject({
    code: 'overloaded',
    message: 'too many snapshots: "ä"',
    details: { limit: 2n },
  });
  expect(got.length).toBe(count);
});

test('before anything serves snapshots they are unavailable', async () => {
  const { fetch } = await pair();
  await expect(collect(fetch())).rejects.toMatchObject({ code: 'unavailable' });
});

test('a slow reader holds the producer back', async () => {
  let given = 0;
  const { fetch } = await pair(async function* () {
    for (; given < 500; given++) yield new Uint8Array(1024 * 1024);
  });
  const pieces = fetch()[Symbol.asyncIterator]();
  await pieces.next();
  let before = -1;
  while (given !== before) {
    before = given;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(given).toBeLessThan(50);
  await pieces.return?.();
});

test.each(['signal', 'return'])('leaving by %s ends the producer', async (how) => {
  let isOver = false;
  let over: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  const { fetch } = await pair(async function* (_kind, _shard, signal) {
    signal.addEventListener('abort', () => {
      isOver = true;
      over();
    });
    for (;;) yield new Uint8Array(100_000);
  });
  const controller = new AbortController();
  const pieces = fetch(controller.signal)[Symbol.asyncIterator]();
  await pieces.next();
  if (how === 'return') {
    await pieces.return?.();
  } else {
    controller.abort();
    const drain = (async () => {
      while ((await pieces.next()).done !== true);
    })();
    await expect(drain).rejects.toMatchObject({ code: 'cancelled' });
  }
  await ended;
  expect(isOver).toBe(true);
});

test('a connection that breaks is an error, not an end', async () => {
  const { a, knows, fetch } = await pair(giving(makePieces(40, 500_000)));
  const proxy = await startTcpProxy(a.server.snapshotPort);
  closers.push(proxy.close);
  knows(proxy.url);
  const got: Uint8Array[] = [];
  const read = (async () => {
    for await (const piece of fetch()) {
      got.push(piece);
      if (got.length === 2) proxy.cut();
    }
  })();
  await expect(read).rejects.toMatchObject({ code: 'unavailable' });
  expect(got.length).toBeLessThan(40);
});

// Every prefix of a real answer, ended as HTTP ends a body: only the whole one counts as whole.
test('an answer that was cut anywhere is an error, and a changed byte too', async () => {
  const pieces = makePieces(3, 7);
  const { a, knows, fetch } = await pair(giving(pieces));
  const body = await rawBody(a);
  let answer = body;
  const server = createServer((_request, response) => response.end(answer));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  knows(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(same(await collect(fetch()), pieces)).toBe(true);
  for (let size = 0; size < body.length; size++) {
    answer = body.subarray(0, size);
    await expect(collect(fetch())).rejects.toMatchObject({ code: 'unavailable' });
  }
  for (let at = 0; at < body.length; at++) {
    answer = Buffer.from(body);
    answer[at]! ^= 0x10;
    const error = await collect(fetch()).then(
      () => undefined,
      (reason: CitadelError) => reason.code,
    );
    expect(['corrupt', 'unavailable', 'unsupported-version']).toContain(error);
  }
});

/** The body of an answer of `a`, as it travels. */
async function rawBody(a: RpcNode): Promise<Buffer> {
  const { clusterUuid } = a.identity;
  const answer = await fetch(`${a.record.snapshotUrl}/snapshot/kstore/5`, {
    headers: { 'citadel-greeting': `1 ${clusterUuid} b s 1 a` },
  });
  return Buffer.from(await answer.arrayBuffer());
}

test('a node that does not answer is not waited for without end', async () => {
  const { knows, fetch } = await pair();
  const silent = createTcpServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    silent.close();
  });
  knows(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
  await expect(collect(fetch())).rejects.toMatchObject({ code: 'timeout' });
});

test('a producer that takes its time is waited for', async () => {
  const { fetch } = await pair(async function* () {
    yield new Uint8Array(10);
    // Longer than a reader waits for a sign of life.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    yield new Uint8Array(20);
  });
  expect((await collect(fetch())).map(({ length }) => length)).toEqual([10, 20]);
});

test('a rate limit holds', async () => {
  const { fetch } = await pair(giving(makePieces(10, 100_000)), {
    snapshotBytesPerSecond: 2_000_000,
  });
  const before = performance.now();
  await collect(fetch());
  // The first piece goes at once, each other one waits for the one before: at least 450 ms in all.
  expect(performance.now() - before).toBeGreaterThan(440);
});

test.each([
  ['another cluster', '/snapshot/kstore/5', '1 another b s 1 a', 'conflict'],
  ['another addressee', '/snapshot/kstore/5', '1 CLUSTER b s 1 c', 'conflict'],
  ['no greeting', '/snapshot/kstore/5', undefined, 'invalid-argument'],
  ['an unknown kind', '/snapshot/other/5', '1 CLUSTER b s 1 a', 'not-found'],
  ['a shard that is no number', '/snapshot/kstore/..%2f', '1 CLUSTER b s 1 a', 'not-found'],
])('strangers get nothing: %s', async (_who, path, greeting, code) => {
  const { a } = await pair(giving(makePieces(1, 10)));
  const header = greeting?.replace('CLUSTER', a.identity.clusterUuid);
  const answer = await fetch(`${a.record.snapshotUrl}${path}`, {
    headers: header === undefined ? {} : { 'citadel-greeting': header },
  });
  expect(await answer.text()).toContain(`"code":"${code}"`);
});

test('bytes that are no HTTP do no harm', async () => {
  const { a, fetch } = await pair(giving(makePieces(2, 10)));
  const socket = connect(a.server.snapshotPort, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(Buffer.alloc(1_000, 0xff));
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  expect((await collect(fetch())).length).toBe(2);
});
