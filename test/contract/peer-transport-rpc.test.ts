/**
 * Peer messages over real sockets: order, batches, limits, and what links say when the network or the
 * peer fails. Connections go through a proxy that can be cut, stalled and closed.
 */

import { afterEach, expect, test } from 'vitest';
import type { CitadelError } from '../../src/base/errors.ts';
import type { PeerLinkState, PeerMessage } from '../../src/rpc/peer-api.ts';
import { createFakeDataNode } from '../support/fake-data-node.ts';
import { makeMap, type RpcNode, type RpcNodeOptions, startRpcNode } from '../support/rpc-node.ts';
import { startRpcPeer } from '../support/start-rpc-peer.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(uuid: string, options: Partial<RpcNodeOptions> = {}): Promise<RpcNode> {
  const node = await startRpcNode(uuid, { dataNode: createFakeDataNode(), ...options });
  closers.push(node.close);
  return node;
}

/** What arrives at a node, message by message, and its links' states. */
function observe(node: RpcNode) {
  const got: { from: string; message: PeerMessage }[] = [];
  const states: [string, PeerLinkState][] = [];
  let wake: () => void = () => undefined;
  node.clients.peers.listen((from, messages) => {
    for (const message of messages) got.push({ from, message });
    wake();
  });
  node.clients.peers.onLink((uuid, state) => {
    states.push([uuid, state]);
    wake();
  });
  /** The test's own time limit ends a wait in vain. */
  const until = async (is: () => boolean): Promise<void> => {
    while (!is()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const untilState = (state: PeerLinkState) => until(() => states.at(-1)?.[1] === state);
  return { got, states, until, untilState };
}

function message(number: number, size = 8): PeerMessage {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return { kind: number % 2 === 0 ? 'tstore' : 'kstore', shard: number % 7, bytes };
}

function numberOf({ bytes }: PeerMessage): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

test('messages arrive whole and in order', async () => {
  const a = await start('a');
  const b = await start('b');
  const atB = observe(b);
  a.view.set(makeMap(2, [a.record, b.record]));
  const sent = Array.from({ length: 1_000 }, (_, i) => message(i, 8 + (i % 500)));
  // Before the connection is there, and in pieces: nothing of it is lost while the queue has room.
  for (let at = 0; at < sent.length; at += 100) {
    a.clients.peers.send('b', sent.slice(at, at + 100));
    if (at % 300 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await atB.until(() => atB.got.length === sent.length);
  expect(atB.got.every(({ from }) => from === 'a')).toBe(true);
  // As text, because comparing thousands of arrays item by item takes seconds.
  const asText = ({ kind, shard, bytes }: PeerMessage) =>
    `${kind} ${shard} ${Buffer.from(bytes).toString('base64')}`;
  expect(atB.got.map((item) => asText(item.message))).toEqual(sent.map(asText));
});

test('both directions, several peers, and nobody talks to himself', async () => {
  const nodes = await Promise.all(['a', 'b', 'c'].map((uuid) => start(uuid)));
  const seen = nodes.map(observe);
  for (const { view } of nodes)
    view.set(
      makeMap(
        2,
        nodes.map(({ record }) => record),
      ),
    );
  for (const { uuid, clients } of nodes) {
    for (const to of ['a', 'b', 'c', 'unknown'])
      clients.peers.send(to, [message(uuid.charCodeAt(0))]);
  }
  for (const [i, { got, until }] of seen.entries()) {
    await until(() => got.length === 2);
    const others = ['a', 'b', 'c'].filter((uuid) => uuid !== nodes[i]?.uuid);
    expect(got.map(({ from }) => from).sort()).toEqual(others);
  }
});

test('a message larger than the queue is taken, and no more than the queue is kept', async () => {
  const a = await start('a');
  const b = await start('b');
  const proxy = await startTcpProxy(b.server.port);
  closers.push(proxy.close);
  const atB = observe(b);
  await proxy.refuse();
  a.view.set(makeMap(2, [{ ...b.record, rpcUrl: proxy.url }]));
  const large = 20 * 1024 * 1024;
  a.clients.peers.send('b', [message(0, large), message(1), message(2)]);
  await proxy.accept();
  await atB.until(() => atB.got.length === 1);
  expect(atB.got[0]?.message.bytes.length).toBe(large);
  a.clients.peers.send('b', [message(3)]);
  await atB.until(() => atB.got.length === 2);
  // 1 and 2 did not fit beside the large one.
  expect(atB.got.map((item) => numberOf(item.message))).toEqual([0, 3]);
});

test('a link is refused while nobody listens, and connected soon after somebody does', async () => {
  const a = await start('a');
  const b = await start('b');
  const proxy = await startTcpProxy(b.server.port);
  closers.push(proxy.close);
  await proxy.refuse();
  const atA = observe(a);
  a.view.set(makeMap(2, [{ ...b.record, rpcUrl: proxy.url }]));
  await atA.untilState('refused');
  expect(a.clients.peers.stateOf('b')).toBe('refused');
  await proxy.accept();
  await atA.untilState('connected');
  expect(a.clients.peers.stateOf('b')).toBe('connected');
  expect(a.clients.peers.stateOf('c')).toBeUndefined();
});

test('a cut connection is made again, and messages after it arrive', async () => {
  const a = await start('a');
  const b = await start('b');
  const proxy = await startTcpProxy(b.server.port);
  closers.push(proxy.close);
  const atA = observe(a);
  const atB = observe(b);
  a.view.set(makeMap(2, [{ ...b.record, rpcUrl: proxy.url }]));
  await atA.untilState('connected');
  for (let round = 1; round <= 3; round++) {
    const before = proxy.connections();
    proxy.cut();
    while (proxy.connections() === before) await new Promise((resolve) => setTimeout(resolve, 5));
    // What was on its way is lost; what is sent until it arrives, arrives.
    const count = atB.got.length;
    const sender = setInterval(() => a.clients.peers.send('b', [message(round)]), 20);
    await atB.until(() => atB.got.length > count);
    clearInterval(sender);
  }
  expect(atA.states.map(([, state]) => state)).not.toContain('refused');
});

test('a link that carries nothing any more is silent, calls over it fail, and it heals', async () => {
  const a = await start('a');
  const behind = createFakeDataNode();
  const b = await start('b', { dataNode: behind });
  const proxy = await startTcpProxy(b.server.port);
  closers.push(proxy.close);
  const atA = observe(a);
  a.view.set(makeMap(2, [{ ...b.record, rpcUrl: proxy.url }]));
  await atA.untilState('connected');
  const remote = a.clients.dataNode('b');
  const write = () =>
    remote.writeShard({
      shard: 0,
      epoch: 1,
      mapVersion: 2,
      writeId: new Uint8Array(16),
      level: 'one',
      frame: new Uint8Array(8),
    });
  expect((await remote.status()).logBytes).toBe(10);
  expect((await write()).copies).toBe(1);
  proxy.stall();
  const failed = [remote.status(), write()].map((call) =>
    call.then(
      () => 'answered',
      (error: CitadelError) => error.code,
    ),
  );
  await atA.untilState('silent');
  // Long before their deadlines.
  expect(await Promise.all(failed)).toEqual(['unavailable', 'unavailable']);
  // Nobody waits again for what is known to be silent: so many calls one after the other would take minutes.
  for (let i = 0; i < 300; i++) {
    const call = i % 2 === 0 ? remote.status() : write();
    await expect(call).rejects.toMatchObject({ code: 'unavailable' });
  }
  proxy.unstall();
  await atA.untilState('connected');
  expect((await remote.status()).logBytes).toBe(10);
  expect((await write()).copies).toBe(1);
});

test('a stall that lasts makes new connections, of which one heals it', async () => {
  const a = await start('a');
  const b = await start('b');
  const proxy = await startTcpProxy(b.server.port);
  closers.push(proxy.close);
  const atA = observe(a);
  a.view.set(makeMap(2, [{ ...b.record, rpcUrl: proxy.url }]));
  await atA.untilState('connected');
  const before = proxy.connections();
  proxy.stall();
  while (proxy.connections() === before) await new Promise((resolve) => setTimeout(resolve, 20));
  proxy.unstall();
  await atA.untilState('connected');
});

test('a slow link is connected, not silent', async () => {
  const a = await start('a');
  const b = await start('b');
  const proxy = await startTcpProxy(b.server.port);
  closers.push(proxy.close);
  proxy.delay(50);
  const atA = observe(a);
  const atB = observe(b);
  a.view.set(makeMap(2, [{ ...b.record, rpcUrl: proxy.url }]));
  const sent = Array.from({ length: 40 }, (_, i) => message(i, 50_000));
  a.clients.peers.send('b', sent);
  await atB.until(() => atB.got.length === sent.length);
  expect(atB.got.map((item) => numberOf(item.message))).toEqual(sent.map(numberOf));
  expect(atA.states).toEqual([['b', 'connected']]);
});

test('a stopped process is silent, a killed one refused, and a continued one connected again', async () => {
  const a = await start('a');
  const atA = observe(a);
  const peer = await startRpcPeer('p');
  closers.push(peer.kill);
  a.view.set(makeMap(2, [a.record, peer.record]));
  peer.introduce([a.record]);
  await atA.untilState('connected');
  a.clients.peers.send('p', [message(1)]);
  await atA.until(() => atA.got.length === 1);
  peer.send('SIGSTOP');
  await atA.untilState('silent');
  a.clients.peers.send('p', [message(2)]);
  peer.send('SIGCONT');
  await atA.untilState('connected');
  await atA.until(() => atA.got.length === 2);
  expect(atA.got.map((item) => numberOf(item.message))).toEqual([1, 2]);
  await peer.kill();
  await atA.untilState('refused');
});

test('a node that left the map keeps its link while it holds shards, and loses it after', async () => {
  const a = await start('a');
  const b = await start('b');
  const atA = observe(a);
  a.view.set(makeMap(2, [a.record, b.record], 2));
  await atA.untilState('connected');
  const holdsOn = makeMap(3, [a.record, b.record], 2);
  a.view.set({ ...holdsOn, nodes: new Map([['a', a.record]]) });
  expect(a.clients.peers.stateOf('b')).toBe('connected');
  expect((await a.clients.dataNode('b').status()).logBytes).toBe(10);
  a.view.set(makeMap(4, [a.record]));
  expect(a.clients.peers.stateOf('b')).toBeUndefined();
  await expect(a.clients.dataNode('b').status()).rejects.toMatchObject({ code: 'unavailable' });
});

test('a node that moved to another address is found there', async () => {
  const a = await start('a');
  const b = await start('b');
  const atA = observe(a);
  const elsewhere = await start('c');
  // Who answers at the old address is somebody else: nothing for b is given to him.
  const atC = observe(elsewhere);
  a.view.set(makeMap(2, [{ ...b.record, rpcUrl: elsewhere.record.rpcUrl }]));
  a.clients.peers.send('b', [message(1)]);
  await atA.untilState('silent');
  await expect(a.clients.dataNode('b').status()).rejects.toMatchObject({ code: 'conflict' });
  const atB = observe(b);
  a.view.set(makeMap(3, [b.record]));
  await atA.untilState('connected');
  a.clients.peers.send('b', [message(2)]);
  await atB.until(() => atB.got.length === 1);
  expect(atC.got).toEqual([]);
});

test('nodes of another cluster stay strangers', async () => {
  const a = await start('a');
  const b = await start('b', { clusterUuid: 'another' });
  const atA = observe(a);
  const atB = observe(b);
  a.view.set(makeMap(2, [b.record]));
  a.clients.peers.send('b', [message(1)]);
  await atA.untilState('silent');
  await expect(a.clients.dataNode('b').status()).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('belongs to cluster'),
  });
  expect(atB.got).toEqual([]);
  const warnings = a.events.filter(({ event }) => event === 'rpc.link.failed');
  expect(warnings.length).toBe(1);
});
