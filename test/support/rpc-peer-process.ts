/**
 * A node's rpc as a process of its own (run under tsx by tests and benchmarks): echoes peer messages of at
 * most `echoSizeMax` bytes to their sender, answers writes at once, scans as many blocks as the measurement's name says, and serves a
 * snapshot of as many pieces as the shard's number says.
 *
 * Prints its record as one line of JSON; reads the records of the other nodes, one JSON array a line.
 */

import { createInterface } from 'node:readline';
import type { NodeRecord } from '../../src/model/cluster.ts';
import type { RawBlock, ShardPlan } from '../../src/model/plan.ts';
import { createFakeDataNode } from './fake-data-node.ts';
import { makeMap, startRpcNode } from './rpc-node.ts';

const uuid = process.argv[2] ?? 'peer';
const echoSizeMax = 64;
const rows = 1_000;
const pieceSize = 256 * 1024;

function makeBlock(): RawBlock {
  return {
    kind: 'raw',
    group: ['a'],
    times: new BigInt64Array(rows),
    columns: [{ type: 'float', values: new Float64Array(rows), valid: undefined }],
    series: ['cpu,host=a'],
    seriesOfRow: new Uint32Array(rows),
  };
}

const dataNode = createFakeDataNode();
dataNode.writeShard = async () => ({ origin: '00', sequence: 1, copies: 1, levelReached: 'one' });
dataNode.onScan = async function* ({ measurement }: ShardPlan) {
  const block = makeBlock();
  for (let left = Number(measurement); left > 0; left--) yield block;
};
const node = await startRpcNode(uuid, { dataNode });
node.clients.peers.listen((from, messages) => {
  const small = messages.filter(({ bytes }) => bytes.length <= echoSizeMax);
  if (small.length > 0) node.clients.peers.send(from, small);
});
node.clients.snapshots.serveSnapshots(async function* (_kind, shard) {
  for (let piece = 0; piece < shard; piece++) yield new Uint8Array(pieceSize).fill(piece);
});
process.stdout.write(`${JSON.stringify(node.record)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  const records = JSON.parse(line) as NodeRecord[];
  node.view.set(makeMap(node.view.map.version + 1, [...records, node.record]));
}
await node.close();
