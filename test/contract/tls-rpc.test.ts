/** Mutual TLS between nodes: calls, peer messages and snapshots work with it and never without. */

import { afterEach, expect, test } from 'vitest';
import type { PeerMessage } from '../../src/rpc/peer-api.ts';
import { makeAuthority } from '../support/certificates.ts';
import { createFakeDataNode } from '../support/fake-data-node.ts';
import { makeMap, type RpcNode, type RpcNodeOptions, startRpcNode } from '../support/rpc-node.ts';

const closers: (() => Promise<void>)[] = [];
const never = new AbortController().signal;

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(uuid: string, options: Partial<RpcNodeOptions> = {}): Promise<RpcNode> {
  const node = await startRpcNode(uuid, { dataNode: createFakeDataNode(), ...options });
  closers.push(node.close);
  return node;
}

async function firstPiece(node: RpcNode, of: string): Promise<Uint8Array | undefined> {
  for await (const piece of node.clients.snapshots.fetchSnapshot(of, 'tstore', 0, never)) {
    return piece;
  }
  return undefined;
}

test('nodes with certificates of one authority talk', async () => {
  const authority = makeAuthority();
  const a = await start('a', { tls: authority.issue('a') });
  const b = await start('b', { tls: { ...authority.issue('b'), serverName: 'node.citadel.test' } });
  a.clients.snapshots.serveSnapshots(async function* () {
    yield Uint8Array.of(1, 2, 3);
  });
  const arrived = new Promise<readonly PeerMessage[]>((resolve) => {
    a.clients.peers.listen((_from, messages) => resolve(messages));
  });
  b.view.set(makeMap(2, [a.record, b.record]));
  const message: PeerMessage = { kind: 'tstore', shard: 1, bytes: Uint8Array.of(7) };
  b.clients.peers.send('a', [message]);
  expect(await arrived).toStrictEqual([message]);
  expect((await b.clients.dataNode('a').status()).state).toBe('ok');
  expect(await firstPiece(b, 'a')).toStrictEqual(Uint8Array.of(1, 2, 3));
});

test('whoever has no certificate of the authority is not let in', async () => {
  const a = await start('a', { tls: makeAuthority().issue('a') });
  a.clients.snapshots.serveSnapshots(async function* () {
    yield Uint8Array.of(1, 2, 3);
  });
  const strangers = [await start('b'), await start('c', { tls: makeAuthority().issue('c') })];
  for (const stranger of strangers) {
    stranger.view.set(makeMap(2, [a.record]));
    await expect(stranger.clients.dataNode('a').status()).rejects.toMatchObject({
      code: 'unavailable',
    });
    await expect(firstPiece(stranger, 'a')).rejects.toMatchObject({ code: 'unavailable' });
    expect(stranger.clients.peers.stateOf('a')).not.toBe('connected');
  }
});
