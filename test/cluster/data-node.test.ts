/**
 * The data node with its real threads, through the interface a broker uses.
 *
 * Method: the built tree (threads cannot start from TypeScript), in this process, on a temporary directory.
 */

import { afterEach, expect, test } from 'vitest';
import type { DataDirectory } from '../../src/datanode/data-directory.ts';
import type { DataNode, DataNodeOptions } from '../../src/datanode/datanode.ts';
import { encodeDeleteFrame, encodePointsFrame } from '../../src/model/frame-encode.ts';
import type { ShardPlan } from '../../src/model/plan.ts';
import { encodeSeriesKey } from '../../src/model/series-key.ts';
import { allTime } from '../../src/model/time.ts';
import { makeTempDir } from '../support/temp-dir.ts';

type Directories = typeof import('../../src/datanode/data-directory.ts');
type DataNodes = typeof import('../../src/datanode/datanode.ts');
type Environments = typeof import('../../src/env/node/node-env.ts');

async function importBuilt<T>(path: string): Promise<T> {
  return (await import(new URL(`../../dist/src/${path}`, import.meta.url).href)) as T;
}

const { openDataDirectory } = await importBuilt<Directories>('datanode/data-directory.js');
const { createNodeEnv } = await importBuilt<Environments>('env/node/node-env.js');
const { openDataNode } = await importBuilt<DataNodes>('datanode/datanode.js');

const env = createNodeEnv({ logLevel: 'error', logFormat: 'json' });
const dbId = '00000000000000db';
const rpId = '00000000000000aa';
const shardCount = 4;
const firstTime = 1_700_000_000_000_000_000n;
const opened: { directory: DataDirectory; node: DataNode }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await closeNode(one, false);
});

async function open(path: string, options: Partial<DataNodeOptions> = {}) {
  const directory = await openDataDirectory(env, { path, uuid: '', shardCount });
  const node = await openDataNode(env, directory, {
    threads: 2,
    fsync: 'always',
    fsyncIntervalMs: 1_000,
    memoryBytes: 64 * 1024 * 1024,
    policies: [{ dbId, rpId, durationNs: 0n, shardGroupDurationNs: 604_800_000_000_000n }],
    ballastBytes: 1024 * 1024,
    ...options,
  });
  const one = { directory, node };
  opened.push(one);
  return one;
}

async function closeNode(one: (typeof opened)[number], flush: boolean): Promise<void> {
  await one.node.close({ flush });
  await one.directory.close();
}

let writes = 0;

function write(node: DataNode, shard: number, from: number, count: number, signal?: AbortSignal) {
  const key = encodeSeriesKey({ measurement: 'm', tags: [['shard', String(shard)]] });
  const times = BigInt64Array.from({ length: count }, (_, i) => firstTime + BigInt(from + i));
  const values = Float64Array.from({ length: count }, (_, i) => from + i);
  const columns = [{ name: 'v', type: 'float' as const, values }];
  const target = { dbId, rpId, shardCount, shard };
  return send(node, shard, encodePointsFrame(target, [{ key, times, columns }]), signal);
}

function send(node: DataNode, shard: number, frame: Uint8Array, signal?: AbortSignal) {
  const writeId = new Uint8Array(16);
  new DataView(writeId.buffer).setUint32(0, ++writes);
  const request = { shard, epoch: 1, mapVersion: 1, writeId, level: 'auto' as const, frame };
  return node.writeShard(request, signal);
}

const plan: ShardPlan = {
  dbId,
  rpId,
  measurement: 'm',
  range: allTime,
  where: undefined,
  dimensions: [],
  descending: false,
  output: { kind: 'raw', columns: [{ source: 'field', name: 'v', type: 'float' }], rowLimit: 0 },
};

async function readAll(
  node: DataNode,
  shards: readonly number[] = [0, 1, 2, 3],
): Promise<number[]> {
  const values: number[] = [];
  for (const stream of node.scan(shards, plan, new AbortController().signal)) {
    for await (const block of stream) {
      if (block.kind !== 'raw') throw new Error('asked for rows');
      const [column] = block.columns;
      if (column?.type === 'float') values.push(...column.values);
    }
  }
  return values.sort((a, b) => a - b);
}

test('what was acknowledged is read at once, and after a restart with and without a flush', async () => {
  const path = makeTempDir();
  let one = await open(path);
  expect(await write(one.node, 1, 0, 3)).toMatchObject({ sequence: 1, copies: 1 });
  expect(await readAll(one.node)).toEqual([0, 1, 2]);
  await closeNode(one, false);
  one = await open(path, { threads: 1 });
  await write(one.node, 2, 10, 2);
  expect(await readAll(one.node)).toEqual([0, 1, 2, 10, 11]);
  expect((await one.node.status()).logBytes).toBeGreaterThan(0);
  await closeNode(one, true);
  one = await open(path);
  expect(await readAll(one.node)).toEqual([0, 1, 2, 10, 11]);
  const { state, logBytes, shards } = await one.node.status();
  expect([state, logBytes]).toEqual(['ok', 0]);
  expect(shards.map(({ shard, state: of }) => [shard, of])).toEqual(
    [0, 1, 2, 3].map((shard) => [shard, 'active']),
  );
});

test('a delete is an entry like any other', async () => {
  const path = makeTempDir();
  let one = await open(path);
  await write(one.node, 0, 0, 10);
  const range = { min: firstTime + 3n, max: firstTime + 7n };
  const predicate = { rpId: undefined, measurements: ['m'], where: undefined, range };
  await send(one.node, 0, encodeDeleteFrame({ dbId, shardCount, shard: 0 }, predicate));
  expect(await readAll(one.node)).toEqual([0, 1, 2, 8, 9]);
  await closeNode(one, false);
  one = await open(path);
  expect(await readAll(one.node)).toEqual([0, 1, 2, 8, 9]);
});

test('dropped data is gone, also what was only in memory', async () => {
  const { node } = await open(makeTempDir());
  await write(node, 0, 0, 10);
  await node.dropData(dbId, undefined);
  expect(await readAll(node)).toEqual([]);
});

test('a frame for another shard, an unknown shard and a cancelled write are refused', async () => {
  const { node } = await open(makeTempDir());
  await expect(write(node, 99, 0, 1)).rejects.toMatchObject({ code: 'invalid-argument' });
  const frame = encodePointsFrame({ dbId, rpId, shardCount: 8, shard: 0 }, [
    {
      key: encodeSeriesKey({ measurement: 'm', tags: [] }),
      times: BigInt64Array.of(1n),
      columns: [{ name: 'v', type: 'float', values: Float64Array.of(1) }],
    },
  ]);
  await expect(send(node, 0, frame)).rejects.toMatchObject({ code: 'invalid-argument' });
  const gone = write(node, 0, 0, 1, AbortSignal.abort());
  await expect(gone).rejects.toMatchObject({ code: 'cancelled' });
});

test('beyond the memory budget writes are refused, and taken again when a flush made room', async () => {
  const { node } = await open(makeTempDir(), { memoryBytes: 4 * 1024 * 1024 });
  const codes = new Set<string>();
  const sent = Array.from({ length: 200 }, (_, i) =>
    write(node, i % 4, i * 2_000, 2_000).then(
      () => codes.add('ok'),
      (error: { code: string }) => codes.add(error.code),
    ),
  );
  await Promise.all(sent);
  expect(codes).toEqual(new Set(['ok', 'overloaded']));
  const retry = async () => {
    for (;;) {
      try {
        return await write(node, 0, 9_000_000, 1);
      } catch (error) {
        expect(error).toMatchObject({ code: 'overloaded' });
        await env.timers.sleep(20);
      }
    }
  };
  expect(await retry()).toMatchObject({ copies: 1 });
});

test('a consumer that leaves, or is cancelled, ends its scan at once', async () => {
  const { node } = await open(makeTempDir());
  await Promise.all([0, 1, 2, 3].map((shard) => write(node, shard, shard * 200_000, 200_000)));
  const abort = new AbortController();
  const [first, second] = node.scan([0, 1, 2, 3], plan, abort.signal);
  for await (const block of first!) {
    expect(block.kind).toBe('raw');
    break;
  }
  const left = second![Symbol.asyncIterator]();
  await left.next();
  abort.abort();
  const before = performance.now();
  const drain = async () => {
    while (!(await left.next()).done);
  };
  await expect(drain()).rejects.toMatchObject({ code: 'cancelled' });
  expect(performance.now() - before).toBeLessThan(100);
  await write(node, 0, 1, 1);
});
