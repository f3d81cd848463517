/** An operator's wishes: what is refused, what a dry run says, and that what is asked for is kept in the store. */

import { expect, test } from 'vitest';
import { createSimEnv } from '../../../src/env/sim/sim-env.ts';
import { ClusterAdmin } from '../../../src/metadata/cluster-admin.ts';
import { makeCluster } from '../../../src/metadata/cluster-record.ts';
import { renderNode, renderShard } from '../../../src/metadata/cluster-records.ts';
import { ClusterWatch } from '../../../src/metadata/cluster-watch.ts';
import { defaultRules } from '../../../src/metadata/controller/decide.ts';
import type { MetaOp } from '../../../src/metadata/meta-store.ts';
import { makeNodeRecord } from '../../support/cluster-member.ts';
import { openMemoryStore } from '../../support/meta-store-faults.ts';

const clusterUuid = 'ours';
const shardCount = 4;

/** Two copies of four shards on the first nodes of these, by turns. */
async function openAdmin(nodes: readonly string[], holders: readonly string[]) {
  const env = createSimEnv(1);
  const store = await openMemoryStore(env);
  await makeCluster(store, env.clock, { clusterUuid, shardCount, replicationFactor: 2 });
  const puts = nodes.map((uuid): MetaOp => {
    return { kind: 'put', key: `nodes/${uuid}`, value: renderNode(makeNodeRecord(uuid)) };
  });
  for (let shard = 0; shard < shardCount; shard++) {
    const replicas = [0, 1].map((i) => holders[(shard + i) % holders.length]!);
    const value = renderShard({
      shard,
      epoch: 1,
      primary: replicas[0]!,
      replicas,
      learner: undefined,
      leaving: undefined,
      degraded: false,
      isNew: false,
      version: 1,
      revision: 0,
    });
    puts.push({ kind: 'put', key: `tstore/shards/${shard}`, value });
  }
  await store.transaction({ compare: [], onSuccess: puts });
  const options = { self: nodes[0]!, clusterUuid, lastMap: undefined, isAttached: () => true };
  const view = new ClusterWatch(env, store, options);
  await env.scheduler.run(view.open());
  const admin = new ClusterAdmin(view, defaultRules);
  return { admin, view, run: <T>(work: Promise<T>) => env.scheduler.run(work) };
}

const drainB = { kind: 'mark', node: 'b1', mark: 'drain' } as const;

test('nodes are found by id, its beginning, or URL', async () => {
  const { admin } = await openAdmin(['a1', 'b1', 'b2'], ['a1', 'b1']);
  expect(admin.findNode('a')).toBe('a1');
  expect(admin.findNode('b2')).toBe('b2');
  expect(admin.findNode(makeNodeRecord('b1').httpUrl)).toBeDefined();
  expect(() => admin.findNode('b')).toThrow('several nodes');
  for (const name of ['', 'c']) expect(() => admin.findNode(name)).toThrow('no node');
});

test('a dry run of a drain names every copy that moves, and changes nothing', async () => {
  const { admin, view } = await openAdmin(['a1', 'b1', 'c1'], ['a1', 'b1']);
  const changes = admin.plan(drainB);
  expect(changes.filter(({ change }) => change === 'add').map(({ node }) => node)).toEqual(
    Array.from({ length: shardCount }, () => 'c1'),
  );
  expect(changes.filter(({ change, node }) => change === 'remove' && node === 'b1')).toHaveLength(
    shardCount,
  );
  expect(view.marks.size).toBe(0);
});

test('a mark is kept in the store until it is taken back', async () => {
  const { admin, view, run } = await openAdmin(['a1', 'b1', 'c1'], ['a1', 'b1']);
  const { version } = view.map;
  await run(admin.apply(drainB));
  expect([...view.marks]).toEqual([['b1', 'drain']]);
  expect(view.map.version).toBe(version + 1);
  await run(admin.apply({ ...drainB, mark: undefined }));
  expect(view.marks.size).toBe(0);
});

test('a wish that too few nodes are left for is refused', async () => {
  const { admin, view, run } = await openAdmin(['a1', 'b1'], ['a1', 'b1']);
  expect(() => admin.plan(drainB)).toThrow('cannot keep 2 copies of tstore on 1 nodes');
  await expect(run(admin.apply(drainB))).rejects.toThrow('cannot keep 2 copies');
  expect(() => admin.plan({ kind: 'replicas', count: 3 })).toThrow('cannot keep 3 copies');
  for (const count of [0, 8, 1.5, Number.NaN]) {
    expect(() => admin.plan({ kind: 'replicas', count })).toThrow('number of copies');
  }
  expect(view.marks.size).toBe(0);
});

test('the number of copies is changed in the layout, for all to see', async () => {
  const { admin, view, run } = await openAdmin(['a1', 'b1', 'c1'], ['a1', 'b1']);
  const wish = { kind: 'replicas', count: 3 } as const;
  expect(admin.plan(wish)).toHaveLength(shardCount);
  await run(admin.apply(wish));
  expect(view.layout('tstore')?.replicationFactor).toBe(3);
  expect(view.map.replicationFactor).toBe(3);
});
