/**
 * Traffic between two processes on this machine: peer messages, writes, scan blocks and snapshots, and how
 * fast blocks are encoded and decoded. MB = 10^6 bytes.
 *
 * Arguments: [seconds per measurement].
 */

import type { RawBlock, ShardPlan } from '../src/model/plan.ts';
import type { PeerMessage } from '../src/rpc/peer-api.ts';
import { decodeValues } from '../src/rpc/wire/value-reader.ts';
import { ValueWriter } from '../src/rpc/wire/value-writer.ts';
import { createFakeDataNode } from '../test/support/fake-data-node.ts';
import { makeMap, type RpcNode, startRpcNode } from '../test/support/rpc-node.ts';
import { type RpcPeer, startRpcPeer } from '../test/support/start-rpc-peer.ts';
import { printTable } from './load/table.ts';

const [, , secondsText = '3'] = process.argv;
const durationMs = Number(secondsText) * 1_000;
const never = new AbortController().signal;
/** Well below the queue's limit, so that nothing is dropped. */
const underWayMax = 8_000_000;

function since(startMs: number): number {
  return (performance.now() - startMs) / 1_000;
}

/** Every so many bytes a small message comes back, which opens the window again. */
async function measurePushes(node: RpcNode, size: number): Promise<string> {
  const marker = (): PeerMessage => ({ kind: 'tstore', shard: 0, bytes: new Uint8Array(8) });
  let arrived = 0;
  let wake: () => void = () => undefined;
  node.clients.peers.listen((_from, messages) => {
    arrived += messages.length;
    wake();
  });
  const perMarker = Math.max(1, Math.round(1_000_000 / size));
  const markersUnderWay = Math.floor(underWayMax / (perMarker * size));
  const startMs = performance.now();
  let markers = 0;
  while (performance.now() - startMs < durationMs) {
    const push = (): PeerMessage => ({ kind: 'tstore', shard: 1, bytes: new Uint8Array(size) });
    node.clients.peers.send('peer', [...Array.from({ length: perMarker }, push), marker()]);
    markers++;
    while (markers - arrived >= markersUnderWay) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  while (arrived < markers) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  const bytes = markers * perMarker * size;
  return `${(bytes / 1e6 / since(startMs)).toFixed(0)} MB/s`;
}

async function measureRoundTrip(node: RpcNode): Promise<string> {
  const times: number[] = [];
  let wake: () => void = () => undefined;
  node.clients.peers.listen(() => wake());
  for (let round = 0; round < 1_000; round++) {
    const startMs = performance.now();
    const back = new Promise<void>((resolve) => {
      wake = resolve;
    });
    node.clients.peers.send('peer', [{ kind: 'tstore', shard: 0, bytes: new Uint8Array(8) }]);
    await back;
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  return `p50 ${times[500]!.toFixed(2)} ms, p99 ${times[990]!.toFixed(2)} ms`;
}

async function measureWrites(node: RpcNode, size: number, parallel: number): Promise<string> {
  const remote = node.clients.dataNode('peer');
  const startMs = performance.now();
  let count = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - startMs < durationMs) {
      const frame = new Uint8Array(size);
      const writeId = new Uint8Array(16);
      await remote.writeShard({ shard: 0, epoch: 1, mapVersion: 1, writeId, level: 'one', frame });
      count++;
    }
  };
  await Promise.all(Array.from({ length: parallel }, client));
  const perSecond = count / since(startMs);
  return `${perSecond.toFixed(0)} writes/s, ${((perSecond * size) / 1e6).toFixed(0)} MB/s`;
}

function makePlan(blocks: number): ShardPlan {
  return {
    dbId: '00000000000000a1',
    rpId: '00000000000000b2',
    measurement: String(blocks),
    range: { min: 0n, max: 1n },
    where: undefined,
    dimensions: [],
    descending: false,
    output: { kind: 'raw', columns: [], rowLimit: 0 },
  };
}

async function measureScan(node: RpcNode): Promise<string> {
  const blockCount = 20_000;
  const startMs = performance.now();
  let bytes = 0;
  let rows = 0;
  const [stream] = node.clients.dataNode('peer').scan([0], makePlan(blockCount), never);
  for await (const block of stream!) {
    if (block.kind !== 'raw') continue;
    rows += block.times.length;
    bytes += block.times.length * 20;
  }
  const seconds = since(startMs);
  return `${(bytes / 1e6 / seconds).toFixed(0)} MB/s, ${(rows / 1e6 / seconds).toFixed(1)} M rows/s`;
}

async function measureSnapshot(node: RpcNode): Promise<string> {
  const startMs = performance.now();
  let bytes = 0;
  for await (const piece of node.clients.snapshots.fetchSnapshot('peer', 'tstore', 4_000, never)) {
    bytes += piece.length;
  }
  return `${(bytes / 1e6 / since(startMs)).toFixed(0)} MB/s`;
}

/** CPU time of this process: says something on a busy machine too. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function measureCodec(rows: number): string {
  const block: RawBlock = {
    kind: 'raw',
    group: ['host1'],
    times: new BigInt64Array(rows),
    columns: [{ type: 'float', values: new Float64Array(rows), valid: undefined }],
    series: ['cpu,host=a'],
    seriesOfRow: new Uint32Array(rows),
  };
  const blocksPerMessage = Math.max(1, Math.round(256_000 / (rows * 20 + 200)));
  const rounds = 300;
  const writer = new ValueWriter();
  let message: Uint8Array = new Uint8Array();
  const encodeStart = cpuUs();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < blocksPerMessage; i++) writer.add(block);
    message = writer.take();
  }
  const encodeUs = (cpuUs() - encodeStart) / rounds / blocksPerMessage;
  const decodeStart = cpuUs();
  let count = 0;
  for (let round = 0; round < rounds; round++) for (const _ of decodeValues(message)) count++;
  const decodeUs = (cpuUs() - decodeStart) / count;
  return `encode ${encodeUs.toFixed(1)} us, decode ${decodeUs.toFixed(1)} us a block (CPU)`;
}

async function connectTo(peer: RpcPeer): Promise<RpcNode> {
  const node = await startRpcNode('bench', { dataNode: createFakeDataNode() });
  const connected = new Promise<void>((resolve) => {
    node.clients.peers.onLink((_node, state) => {
      if (state === 'connected') resolve();
    });
  });
  node.view.set(makeMap(2, [peer.record]));
  peer.introduce([node.record]);
  await connected;
  return node;
}

const peer = await startRpcPeer('peer');
/** Listeners stay, so each measurement of peer messages has a node of its own. */
async function withNode(run: (node: RpcNode) => Promise<string>): Promise<string> {
  const node = await connectTo(peer);
  const result = await run(node);
  await node.close();
  return result;
}

const rows: string[][] = [
  ['codec, blocks of 4 rows', measureCodec(4)],
  ['codec, blocks of 1,000 rows', measureCodec(1_000)],
  ['peer message there and back', await withNode(measureRoundTrip)],
];
for (const size of [1_000, 100_000, 1_000_000]) {
  const result = await withNode((node) => measurePushes(node, size));
  rows.push([`pushes of ${size / 1_000} KB`, result]);
}
rows.push([
  'writes of 50 KB, 1 at a time',
  await withNode((node) => measureWrites(node, 50_000, 1)),
]);
rows.push([
  'writes of 50 KB, 16 at a time',
  await withNode((node) => measureWrites(node, 50_000, 16)),
]);
rows.push([
  'writes of 1 MB, 4 at a time',
  await withNode((node) => measureWrites(node, 1_000_000, 4)),
]);
rows.push(['scan, blocks of 1,000 rows', await withNode(measureScan)]);
rows.push(['snapshot, pieces of 256 KiB', await withNode(measureSnapshot)]);
printTable([['what', 'result'], ...rows]);
await peer.kill();
process.exit(0);
