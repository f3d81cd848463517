/** The main thread's side of replication: what goes to which worker, and in what order. */

import { describe, expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import { ClusterPort } from '../../../src/datanode/cluster-port.ts';
import type { ClusterToWorker } from '../../../src/datanode/worker/cluster-messages.ts';
import { createSimEnv } from '../../../src/env/sim/sim-env.ts';
import type { PeerMessage } from '../../../src/rpc/peer-api.ts';
import { MemoryCluster, memoryClusterUuid } from '../../support/memory-cluster.ts';

const shardCount = 4;
const workerCount = 2;

async function openPort(replicationFactor = 2) {
  const env = createSimEnv(1);
  const nodes = ['a', 'b', 'c'];
  const later = (run: () => void) => env.timers.after(1, run);
  const cluster = new MemoryCluster({ shardCount, nodes, replicationFactor, later });
  const parts = cluster.join('a');
  const peer = cluster.join('b');
  const got: ClusterToWorker[][] = Array.from({ length: workerCount }, () => []);
  const endless = async function* (signal: AbortSignal) {
    while (!signal.aborted) {
      yield { piece: new Uint8Array(8) };
      await env.timers.sleep(10);
    }
  };
  const port = await env.scheduler.run(
    ClusterPort.open({
      env,
      disk: env.disk,
      parts,
      clusterUuid: memoryClusterUuid,
      shardCount,
      workerCount,
      workerOf: (shard) => shard % workerCount,
      worker: (i) => ({
        post: (message, transfer = []) => {
          got[i]!.push(structuredClone(message, { transfer: [...transfer] }));
        },
        stream: (_shards, _request, signal) => endless(signal),
      }),
    }),
  );
  for (let i = 0; i < workerCount; i++) port.describe(i);
  port.start();
  for (const messages of got) messages.length = 0;
  return { env, cluster, port, got, peer };
}

function bytesOf(messages: readonly ClusterToWorker[]): [number, number[]][] {
  return messages.flatMap((one) =>
    one.kind === 'peer-messages'
      ? one.messages.map(({ shard, bytes }): [number, number[]] => [shard, [...bytes]])
      : [],
  );
}

describe('messages of peers', () => {
  test('go to the worker of their shard, also when they share a buffer', async () => {
    const { env, got, peer } = await openPort();
    const shared = Uint8Array.from({ length: 20_000 }, (_, i) => i % 251);
    const message = (shard: number, from: number): PeerMessage => ({
      kind: 'tstore',
      shard,
      bytes: shared.subarray(from, from + 4),
    });
    peer.transport.send('a', [message(0, 0), message(1, 4), message(2, 8)]);
    peer.transport.send('a', [message(3, 12)]);
    await env.scheduler.advance(10);
    expect(bytesOf(got[0]!)).toEqual([
      [0, [0, 1, 2, 3]],
      [2, [8, 9, 10, 11]],
    ]);
    expect(bytesOf(got[1]!)).toEqual([
      [1, [4, 5, 6, 7]],
      [3, [12, 13, 14, 15]],
    ]);
    // Of one turn: one message to each thread.
    expect(got.map((messages) => messages.length)).toEqual([1, 1]);
  });

  test('for shards that there are not are dropped', async () => {
    const { env, got, peer } = await openPort();
    const bytes = new Uint8Array(4);
    peer.transport.send('a', [
      { kind: 'tstore', shard: shardCount, bytes },
      { kind: 'tstore', shard: -1, bytes },
    ]);
    await env.scheduler.advance(10);
    expect(got.flatMap(bytesOf)).toEqual([]);
  });
});

describe('the map', () => {
  test('reaches the worker of a shard when its record changes, and nobody twice', async () => {
    const { cluster, got } = await openPort();
    const record = cluster.map.shards.tstore[1]!;
    cluster.replace({ ...record, degraded: true, version: record.version + 1 });
    const recordsAt = (i: number) =>
      got[i]!.flatMap((one) => (one.kind === 'map' ? one.map.records : []));
    expect(recordsAt(1).map(({ shard, degraded }) => [shard, degraded])).toEqual([[1, true]]);
    expect(recordsAt(0)).toEqual([]);
    cluster.leave('b');
    expect(recordsAt(1)).toHaveLength(1);
    const last = got[1]!.at(-1);
    expect(last?.kind === 'map' && last.map.liveNodes).toEqual(['a']);
  });

  test('comes before the answer to a proposal, whatever became of it', async () => {
    const { env, cluster, got, port } = await openPort();
    const record = cluster.map.shards.tstore[1]!;
    const next = { ...record, isNew: false, version: record.version + 1 };
    port.fromWorker(1, { kind: 'propose', shard: 1, id: 7, record: next });
    await env.scheduler.advance(1);
    const kinds = got[1]!.map(({ kind }) => kind);
    expect(kinds.indexOf('map')).toBeLessThan(kinds.indexOf('proposed'));
    port.fromWorker(1, { kind: 'propose', shard: 1, id: 8, record: next });
    cluster.isStoreUp = false;
    port.fromWorker(1, { kind: 'propose', shard: 1, id: 9, record: next });
    await env.scheduler.advance(1);
    const results = got[1]!.flatMap((one) =>
      one.kind === 'proposed' ? [[one.id, one.result]] : [],
    );
    expect(results).toEqual([
      [7, 'done'],
      [8, 'lost'],
      [9, 'unknown'],
    ]);
  });

  test('a lease that ends is told within a moment', async () => {
    const { env, cluster, got } = await openPort();
    cluster.isStoreUp = false;
    await env.scheduler.advance(300);
    for (const messages of got) {
      const last = messages.at(-1);
      expect(last?.kind === 'map' && last.map.isAttached).toBe(false);
    }
  });
});

test('two snapshots go out at once, a third is asked to come later', async () => {
  const { env, peer } = await openPort();
  const aborts = [0, 1].map(() => new AbortController());
  const running = aborts.map(async ({ signal }) => {
    let count = 0;
    for await (const _ of peer.snapshots.fetchSnapshot('a', 'tstore', 0, signal)) count++;
    return count;
  });
  await env.scheduler.advance(50);
  const { signal } = new AbortController();
  const third = peer.snapshots.fetchSnapshot('a', 'tstore', 1, signal)[Symbol.asyncIterator]();
  const refused = await third.next().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refused instanceof CitadelError && refused.code).toBe('overloaded');
  for (const abort of aborts) abort.abort();
  await env.scheduler.advance(50);
  expect(Math.min(...(await Promise.all(running)))).toBeGreaterThan(1);
  const again = peer.snapshots.fetchSnapshot('a', 'tstore', 1, signal)[Symbol.asyncIterator]();
  expect((await again.next()).done).toBe(false);
  await again.return?.();
});
