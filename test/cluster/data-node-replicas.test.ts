/**
 * Data nodes with their real threads as holders of replicas.
 *
 * Method: three of them in this process, from the built tree, each on a temporary directory; the network and
 * the metadata store are in memory, all else is what runs in production.
 */

import { afterEach, describe, expect, test } from 'vitest';
import { encodeDeleteFrame, encodePointsFrame } from '../../src/model/frame-encode.ts';
import type { ShardPlan } from '../../src/model/plan.ts';
import { encodeSeriesKey } from '../../src/model/series-key.ts';
import { allTime } from '../../src/model/time.ts';
import type { ConsistencyLevel, ReadOptions } from '../../src/rpc/data-node-api.ts';
import { BuiltCluster } from '../support/built-cluster.ts';

const dbId = '00000000000000db';
const rpId = '00000000000000aa';
const shardCount = 4;
const firstTime = 1_700_000_000_000_000_000n;
const policies = [{ dbId, rpId, durationNs: 0n, shardGroupDurationNs: 604_800_000_000_000n }];
const opened: BuiltCluster[] = [];
let writes = 0;

afterEach(async () => {
  for (const cluster of opened.splice(0)) await cluster.closeAll();
});

async function openCluster(
  replicationFactor: number,
  options: ConstructorParameters<typeof BuiltCluster>[1] = {},
): Promise<BuiltCluster> {
  const cluster = new BuiltCluster({ shardCount, replicationFactor }, { policies, ...options });
  opened.push(cluster);
  await cluster.openAll();
  return cluster;
}

interface WriteOptions {
  readonly level?: ConsistencyLevel;
  readonly count?: number;
  readonly isFallback?: boolean;
  readonly node?: string;
}

function send(cluster: BuiltCluster, shard: number, frame: Uint8Array, options: WriteOptions = {}) {
  const writeId = new Uint8Array(16);
  new DataView(writeId.buffer).setUint32(0, ++writes);
  const { level = 'auto', isFallback = false, node } = options;
  const { map } = cluster.cluster;
  const { epoch } = map.shards.tstore[shard]!;
  const to = node === undefined ? cluster.primary(shard) : cluster.node(node);
  return to.writeShard({
    shard,
    epoch,
    mapVersion: map.version,
    writeId,
    level,
    isFallback,
    frame,
  });
}

function pointsFrame(shard: number, from: number, count: number): Uint8Array {
  const key = encodeSeriesKey({ measurement: 'm', tags: [['shard', String(shard)]] });
  const times = BigInt64Array.from({ length: count }, (_, i) => firstTime + BigInt(from + i));
  const values = Float64Array.from({ length: count }, (_, i) => from + i);
  const columns = [{ name: 'v', type: 'float' as const, values }];
  return encodePointsFrame({ dbId, rpId, shardCount, shard }, [{ key, times, columns }]);
}

function write(cluster: BuiltCluster, shard: number, from: number, options: WriteOptions = {}) {
  return send(cluster, shard, pointsFrame(shard, from, options.count ?? 1), options);
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

async function read(
  cluster: BuiltCluster,
  name: string,
  shard: number,
  options?: ReadOptions,
): Promise<number[]> {
  const values: number[] = [];
  const { signal } = new AbortController();
  for (const stream of cluster.node(name).scan([shard], plan, signal, options)) {
    for await (const block of stream) {
      if (block.kind !== 'raw') throw new Error('asked for rows');
      const [column] = block.columns;
      if (column?.type === 'float') values.push(...column.values);
    }
  }
  return values.sort((a, b) => a - b);
}

function rangeOf(from: number, until: number): number[] {
  return Array.from({ length: until - from }, (_, i) => from + i);
}

describe.each([2, 3])('at RF %i', (replicationFactor) => {
  test('a write is where its level says, and every replica can be read', async () => {
    const cluster = await openCluster(replicationFactor);
    const levels = ['all', 'quorum', 'auto', 'one', 'any'] as const;
    for (const [i, level] of levels.entries()) {
      for (let shard = 0; shard < shardCount; shard++) {
        const { copies, levelReached } = await write(cluster, shard, i, { level });
        const least = { all: replicationFactor, quorum: 2, auto: 2, one: 1, any: 1 }[level];
        expect(copies).toBeGreaterThanOrEqual(least);
        if (level === 'all') expect(levelReached).toBe('all');
      }
    }
    await cluster.until('replicas are equal', () => cluster.areEqual());
    for (const { shard, replicas } of cluster.cluster.map.shards.tstore) {
      for (const name of replicas) {
        expect(await read(cluster, name, shard)).toEqual(rangeOf(0, levels.length));
      }
    }
  });

  test('a node that was away catches up, by log and after its disk was lost; deletes go the same way', async () => {
    const cluster = await openCluster(replicationFactor);
    for (let shard = 0; shard < shardCount; shard++) {
      await write(cluster, shard, 0, { level: 'all', count: 100 });
    }
    await cluster.close('node-1');
    await cluster.until('primaries have moved', async () =>
      cluster.cluster.map.shards.tstore.every(({ primary }) => primary !== 'node-1'),
    );
    for (let shard = 0; shard < shardCount; shard++) {
      await write(cluster, shard, 100, { count: 100 });
      const range = { min: firstTime + 10n, max: firstTime + 19n };
      const predicate = { rpId: undefined, measurements: ['m'], where: undefined, range };
      await send(cluster, shard, encodeDeleteFrame({ dbId, shardCount, shard }, predicate));
    }
    const expected = [...rangeOf(0, 10), ...rangeOf(20, 200)];
    for (const isWiped of [false, true]) {
      if (isWiped) {
        await cluster.close('node-1', true);
        cluster.wipe('node-1');
      }
      await cluster.open('node-1');
      await cluster.settled();
      await cluster.until('replicas are equal', () => cluster.areEqual());
      for (const { shard, replicas } of cluster.cluster.map.shards.tstore) {
        if (replicas.includes('node-1')) {
          expect(await read(cluster, 'node-1', shard)).toEqual(expected);
        }
      }
    }
  });
});

test('what the log no longer has comes as a snapshot, while writes go on', async () => {
  const cluster = await openCluster(3, {
    segmentBytes: 256 * 1024,
    memoryBytes: 8 * 1024 * 1024,
    idleFlushMs: 100,
  });
  await cluster.close('node-2');
  await cluster.until('primaries have moved', async () =>
    cluster.cluster.map.shards.tstore.every(({ primary }) => primary !== 'node-2'),
  );
  const rows = 2_000;
  let from = 0;
  // Until the logs of the others had to give entries up, that the absent one lacks.
  const gaveUp = async () => {
    const { shards } = await cluster.node('node-0').status();
    const bytes = shards.reduce((sum, { replayFrom }) => sum + replayFrom, 0) * rows * 16;
    return bytes > 16 * 1024 * 1024;
  };
  while (!(await gaveUp())) {
    await Promise.all(
      rangeOf(0, shardCount).map((shard) => write(cluster, shard, from, { count: rows })),
    );
    from += rows;
  }
  await cluster.open('node-2');
  for (let i = 0; i < 10; i++) {
    await Promise.all(
      rangeOf(0, shardCount).map((shard) => write(cluster, shard, from, { count: rows })),
    );
    from += rows;
  }
  await cluster.settled();
  await cluster.until('replicas are equal', () => cluster.areEqual());
  for (let shard = 0; shard < shardCount; shard++) {
    expect((await read(cluster, 'node-2', shard)).length).toBe(from);
  }
});

test('reads at `primary` and `quorum` are answered by the primary alone; one that lacks a marked write redirects', async () => {
  const cluster = await openCluster(3);
  await write(cluster, 0, 1, { level: 'all' });
  const { replicas, primary } = cluster.cluster.map.shards.tstore[0]!;
  const other = replicas.find((name) => name !== primary)!;
  const at = (level: ReadOptions['level'], marks: ReadOptions['marks'] = []): ReadOptions => ({
    level,
    mapVersion: 0,
    marks,
  });
  for (const level of ['one', 'primary', 'quorum'] as const) {
    expect(await read(cluster, primary, 0, at(level))).toEqual([1]);
  }
  for (const level of ['primary', 'quorum'] as const) {
    await expect(read(cluster, other, 0, at(level))).rejects.toMatchObject({ code: 'redirect' });
  }
  const mark = { shard: 0, origin: '00000000000000ff', sequence: 1 };
  await expect(read(cluster, other, 0, at('one', [mark]))).rejects.toMatchObject({
    code: 'redirect',
    details: { reason: 'behind' },
  });
  for (const name of replicas) if (name !== primary) cluster.cluster.cut(name, primary);
  await expect(read(cluster, primary, 0, at('quorum'))).rejects.toMatchObject({ code: 'redirect' });
});

test('a node that was alone becomes one of several, its data is copied to the others by snapshot', async () => {
  const cluster = new BuiltCluster({ shardCount, replicationFactor: 2, nodes: 2 }, { policies });
  opened.push(cluster);
  await cluster.open('node-0', true);
  for (let shard = 0; shard < shardCount; shard++) {
    await write(cluster, shard, 0, { node: 'node-0', count: 50 });
  }
  await cluster.close('node-0', true);
  await cluster.open('node-0', true);
  for (let shard = 0; shard < shardCount; shard++) {
    await write(cluster, shard, 50, { node: 'node-0', count: 50 });
  }
  await cluster.close('node-0');
  for (const record of cluster.cluster.map.shards.tstore) {
    const replicas = ['node-0', 'node-1'];
    const version = record.version + 1;
    cluster.cluster.replace({ ...record, primary: 'node-0', replicas, isNew: false, version });
  }
  await cluster.openAll();
  await cluster.until('replicas are equal', () => cluster.areEqual());
  for (let shard = 0; shard < shardCount; shard++) {
    expect(await read(cluster, 'node-1', shard)).toEqual(rangeOf(0, 100));
  }
});

test('the last map is kept, and another cluster is refused', async () => {
  const cluster = await openCluster(2);
  await cluster.close('node-0');
  cluster.cluster.map = { ...cluster.cluster.map, clusterUuid: 'another' };
  await expect(cluster.open('node-0')).rejects.toMatchObject({ code: 'conflict' });
});
