/** The view: what it shows, what it refuses, and that it never goes back. In virtual time. */

import { describe, expect, test } from 'vitest';
import { createSimEnv } from '../../../src/env/sim/sim-env.ts';
import { makeCluster, openCluster, touchMapVersion } from '../../../src/metadata/cluster-record.ts';
import { renderNode } from '../../../src/metadata/cluster-records.ts';
import { ClusterWatch } from '../../../src/metadata/cluster-watch.ts';
import type { MetaOp } from '../../../src/metadata/meta-store.ts';
import type { ClusterMap } from '../../../src/model/cluster.ts';
import { makeNodeRecord } from '../../support/cluster-member.ts';
import { openMemoryStore, shareStore } from '../../support/meta-store-faults.ts';

const clusterUuid = 'ours';

async function makeStore(shardCount = 4) {
  const env = createSimEnv(1);
  const bare = await openMemoryStore(env);
  await openCluster(bare, env.clock, { nodeUuid: 'a', clusterUuid, shardCount });
  return { env, bare };
}

async function openOn({ env, bare }: Awaited<ReturnType<typeof makeStore>>, lastMap?: ClusterMap) {
  const store = shareStore(bare);
  const options = { self: 'a', clusterUuid, lastMap, isAttached: () => true };
  const view = new ClusterWatch(env, store, options);
  await env.scheduler.run(view.open());
  const told: number[] = [];
  view.onChange(({ version }) => told.push(version));
  return { env, bare, store, view, told, advance: env.scheduler.advance.bind(env.scheduler) };
}

const open = async () => openOn(await makeStore());

function put(key: string, value: string): MetaOp {
  return { kind: 'put', key, value };
}

const touch = { compare: [], onSuccess: [touchMapVersion] };

describe('the cluster view', () => {
  test('follows shards, nodes and the map version', async () => {
    const { view, bare, told, advance } = await open();
    const before = view.map;
    expect(before.shards.tstore).toHaveLength(4);
    const onSuccess = [put('nodes/b', renderNode(makeNodeRecord('b')))];
    await bare.transaction({ compare: [], onSuccess });
    await advance(0);
    expect(view.map.nodes.get('b')).toEqual(makeNodeRecord('b'));
    expect([view.map.version, told.length]).toEqual([before.version, 1]);
    const record = { ...view.map.shards.tstore[2]!, epoch: 2, version: 2 };
    expect(await view.propose('tstore', record)).toBe('done');
    expect(view.map.shards.tstore[2]).toMatchObject({ epoch: 2, version: 2 });
    expect(view.map.version).toBe(before.version + 1);
    expect(before.shards.tstore[2]!.epoch).toBe(1);
    await bare.transaction({ compare: [], onSuccess: [{ kind: 'delete', key: 'nodes/b' }] });
    await advance(0);
    expect(view.map.nodes.size).toBe(0);
  });

  test('tells changes of nothing but the version together', async () => {
    const { view, bare, told, advance } = await open();
    const { version } = view.map;
    for (let i = 0; i < 5; i++) await bare.transaction(touch);
    await advance(0);
    expect([view.map.version, told]).toEqual([version + 5, []]);
    await advance(1_000);
    expect(told).toEqual([version + 5]);
  });

  test('shows no shards while some of them are not placed', async () => {
    const env = createSimEnv(1);
    const bare = await openMemoryStore(env);
    await makeCluster(bare, env.clock, { clusterUuid, shardCount: 2, replicationFactor: 2 });
    const { view, advance } = await openOn({ env, bare });
    const value = '{"v":1,"epoch":1,"primary":"a","replicas":["a"]}';
    await bare.transaction({ compare: [], onSuccess: [put('tstore/shards/1', value)] });
    await advance(0);
    expect([view.map.shards.tstore.length, view.placed('tstore').size]).toEqual([0, 1]);
    await bare.transaction({ compare: [], onSuccess: [put('tstore/shards/0', value)] });
    await advance(0);
    expect(view.map.shards.tstore.map(({ shard }) => shard)).toEqual([0, 1]);
    // As an earlier release wrote it.
    expect(view.map.shards.tstore[0]).toMatchObject({ isNew: false, version: 1, degraded: false });
  });

  test('finds by itself, within 30 s, what no watch told', async () => {
    const { view, bare, store, advance } = await open();
    const { version } = view.map;
    store.watch = () => ({ close: () => undefined });
    const deaf = new ClusterWatch(createSimEnv(1), store, {
      self: 'a',
      clusterUuid,
      lastMap: undefined,
      isAttached: () => true,
    });
    deaf.close();
    bare.compact((await bare.range('')).revision + 1);
    await bare.transaction(touch);
    await advance(31_000);
    expect(view.map.version).toBe(version + 1);
  });

  test('takes a newer map of its cluster from a peer, and no older or foreign one', async () => {
    const { view, store, advance } = await open();
    store.fail = () => 'before';
    const { map } = view;
    const [first, ...others] = map.shards.tstore;
    const shards = { ...map.shards, tstore: [{ ...first!, epoch: 9, version: 9 }, ...others] };
    view.offer({ ...map, clusterUuid: 'other', version: map.version + 9, shards });
    view.offer({ ...map, version: map.version, shards });
    expect(view.map).toBe(map);
    view.offer({ ...map, version: map.version + 2, shards });
    expect(view.map.shards.tstore[0]!.epoch).toBe(9);
    await advance(60_000);
    expect(view.map.version).toBe(map.version + 2);
  });

  test('the watch catches up with what a peer said without the map going back', async () => {
    const made = await makeStore();
    const held: (() => void)[] = [];
    const slow = shareStore(made.bare);
    const { watch } = slow;
    slow.watch = (prefix, from, listener) =>
      watch(prefix, from, (notice) => held.push(() => listener(notice)));
    const options = { self: 'a', clusterUuid, lastMap: undefined, isAttached: () => true };
    const view = new ClusterWatch(made.env, slow, options);
    await view.open();
    const { map } = view;
    for (let i = 0; i < 3; i++) await made.bare.transaction(touch);
    const seen: number[] = [];
    view.onChange(({ version }) => seen.push(version));
    slow.fail = () => 'before';
    view.offer({ ...map, version: map.version + 2 });
    for (const tell of held.splice(0)) {
      tell();
      await made.env.scheduler.advance(1_000);
    }
    expect(view.map.version).toBe(map.version + 3);
    expect([...new Set(seen)]).toEqual([map.version + 2, map.version + 3]);
    expect(view.refusal).toBeUndefined();
  });

  test('a store that has less than a peer says is refused', async () => {
    const { view, advance } = await open();
    view.offer({ ...view.map, version: view.map.version + 1 });
    await advance(0);
    expect(view.refusal).toMatch(/went back to map version/);
  });

  test('what was held by an earlier life is not given up for less', async () => {
    const made = await makeStore();
    const { view: first } = await openOn(made);
    const { map } = first;
    const [shard, ...others] = map.shards.tstore;
    const newer = { ...map.shards, tstore: [{ ...shard!, version: 2 }, ...others] };
    const cases: [ClusterMap, RegExp][] = [
      [{ ...map, version: map.version + 1 }, /went back to map version/],
      [{ ...map, shards: newer }, /shard 0 of tstore is older/],
    ];
    for (const [lastMap, reason] of cases) {
      const { view, bare, advance } = await openOn(made, lastMap);
      expect(view.map).toBe(lastMap);
      expect(view.refusal).toMatch(reason);
      const before = await bare.range('');
      const record = { ...lastMap.shards.tstore[1]!, version: 2 };
      await expect(view.propose('tstore', record)).rejects.toMatchObject({ code: 'unavailable' });
      await expect(view.store.transaction(touch)).rejects.toMatchObject({ code: 'unavailable' });
      await advance(60_000);
      expect(await bare.range('')).toEqual(before);
      expect(view.map).toBe(lastMap);
      view.close();
    }
  });

  test('another cluster, and an empty store, are refused', async () => {
    const made = await makeStore();
    const { view: first } = await openOn(made);
    const empty = { env: made.env, bare: await openMemoryStore(made.env) };
    const { view } = await openOn(empty, first.map);
    expect(view.refusal).toMatch(/is empty/);
    await openCluster(empty.bare, made.env.clock, {
      nodeUuid: 'b',
      clusterUuid: 'other',
      shardCount: 4,
    });
    await empty.env.scheduler.advance(3_000);
    expect(view.refusal).toMatch(/has cluster other/);
    expect(view.map).toBe(first.map);
  });

  test('a cluster that is replaced under a running view is refused too', async () => {
    const { view, bare, env, advance } = await open();
    const { map } = view;
    const record = await bare.get('cluster');
    const value = record!.value.replace(clusterUuid, 'other');
    await bare.transaction({ compare: [], onSuccess: [put('cluster', value), touchMapVersion] });
    await advance(3_000);
    expect(view.refusal).toMatch(/has cluster other/);
    expect(view.map.shards).toBe(map.shards);
    expect(env.events.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('an answer that was lost is unknown; asked again the change is lost to itself', async () => {
    const { view, store } = await open();
    const record = { ...view.map.shards.tstore[0]!, epoch: 2, version: 2 };
    store.fail = (call) => (call === 'transaction' ? 'after' : undefined);
    await expect(view.propose('tstore', record)).rejects.toMatchObject({ code: 'unavailable' });
    store.fail = () => undefined;
    expect(await view.propose('tstore', record)).toBe('lost');
    expect(view.map.shards.tstore[0]!.epoch).toBe(2);
  });

  test('a record that cannot be read is told, and the last one stays', async () => {
    const { view, bare, env, advance } = await open();
    await bare.transaction({ compare: [], onSuccess: [put('tstore/shards/0', '{"v":1}')] });
    await advance(0);
    expect(view.map.shards.tstore[0]!.primary).toBe('a');
    expect(env.events.at(-1)).toMatchObject({ level: 'error' });
  });
});
