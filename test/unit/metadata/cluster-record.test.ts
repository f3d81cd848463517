/** The shard map is made once and stays. */

import { describe, expect, test } from 'vitest';
import { makeShardMap, openCluster, type ShardMap } from '../../../src/metadata/cluster-record.ts';
import { openEmbeddedMetaStore } from '../../../src/metadata/embedded/embedded-meta-store.ts';
import { createMemoryJournal } from '../../../src/metadata/embedded/meta-journal.ts';
import { shardKey } from '../../../src/metadata/meta-keys.ts';
import { createCountingRng, createManualTimers } from '../../support/manual-timers.ts';

const clock = { wallMs: () => 1234 };

function openStore() {
  const world = { timers: createManualTimers(), rng: createCountingRng() };
  return openEmbeddedMetaStore(world, createMemoryJournal());
}

const options = { nodeUuid: 'node', clusterUuid: 'cluster', shardCount: undefined };

describe('the shard map', () => {
  test('has 16 shards when nobody says otherwise, all on the node that made it', async () => {
    const { cluster, shards } = await openCluster(await openStore(), clock, options);
    expect(cluster).toMatchObject({ clusterUuid: 'cluster', shardCount: 16, createdMs: 1234 });
    expect(shards.map(({ shard }) => shard)).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(shards[15]).toMatchObject({
      shard: 15,
      epoch: 1,
      primary: 'node',
      replicas: ['node'],
      isNew: false,
    });
  });

  test.each([1, 2, 128, 4096])('may have %d shards', async (shardCount) => {
    const store = await openStore();
    const made = await openCluster(store, clock, { ...options, shardCount });
    expect(made.shards).toHaveLength(shardCount);
    expect(await openCluster(store, clock, options)).toEqual(made);
  });

  test.each([0, -1, 3, 1.5, 8192, Number.NaN])('may not have %d shards', async (shardCount) => {
    const store = await openStore();
    await expect(openCluster(store, clock, { ...options, shardCount })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    expect((await store.range('')).records).toEqual([]);
  });

  test('never changes its count', async () => {
    const store = await openStore();
    await openCluster(store, clock, { ...options, shardCount: 8 });
    await expect(openCluster(store, clock, { ...options, shardCount: 16 })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('from 8 to 16'),
    });
  });

  test('belongs to one cluster', async () => {
    const store = await openStore();
    await openCluster(store, clock, options);
    await expect(
      openCluster(store, clock, { ...options, clusterUuid: 'other' }),
    ).rejects.toMatchObject({ code: 'conflict' });
  });

  test('is finished by the next start when the first was cut short', async () => {
    const store = await openStore();
    const made = await openCluster(store, clock, { ...options, shardCount: 256 });
    for (const shard of [100, 255]) {
      await store.transaction({
        compare: [],
        onSuccess: [{ kind: 'delete', key: shardKey('tstore', shard) }],
      });
    }
    const again = await openCluster(store, clock, options);
    const holders = (map: ShardMap) => map.shards.map(({ revision: _, ...record }) => record);
    expect(holders(again)).toEqual(holders(made));
  });
});

describe('another kind of store', () => {
  const kv = { shardCount: 4, replicationFactor: 3 };

  test('has a map of its own, made once', async () => {
    const store = await openStore();
    await openCluster(store, clock, { ...options, shardCount: 8 });
    const any = { shardCount: undefined, replicationFactor: 3 };
    const made = { shardCount: 8, replicationFactor: 1 };
    expect(await makeShardMap(store, clock, 'kstore', any)).toMatchObject(made);
    await expect(makeShardMap(store, clock, 'kstore', kv)).rejects.toMatchObject({
      code: 'conflict',
    });
    expect((await openCluster(store, clock, options)).shards).toHaveLength(8);
  });

  test('of two nodes that make it at once one wins, for both', async () => {
    const store = await openStore();
    const made = await Promise.all(
      [1, 2, 4].map((shardCount) =>
        makeShardMap(store, clock, 'kstore', { shardCount, replicationFactor: 1 }).catch(
          () => undefined,
        ),
      ),
    );
    expect(made.filter((one) => one !== undefined)).toHaveLength(1);
  });
});
