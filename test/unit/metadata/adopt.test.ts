/**
 * Goal: a node's metadata moves to etcd whole or not yet, whenever its process dies; a place that is taken is never touched.
 * Method: the move is cut off at every call, before it and after it, and made again.
 */

import { describe, expect, test } from 'vitest';
import { createSimEnv } from '../../../src/env/sim/sim-env.ts';
import { adoptEmbedded, findMoveState, refuseMoved } from '../../../src/metadata/adopt.ts';
import { openCatalog } from '../../../src/metadata/catalog.ts';
import { makeCluster, openCluster } from '../../../src/metadata/cluster-record.ts';
import { ClusterWatch } from '../../../src/metadata/cluster-watch.ts';
import type { MetaRecord, MetaStore } from '../../../src/metadata/meta-store.ts';
import { openMemoryStore, shareStore } from '../../support/meta-store-faults.ts';

const options = { nodeUuid: 'n', replicationFactor: 2 };
const listener = { databasesChanged: () => undefined, failed: () => undefined };
const { log } = createSimEnv(1);

async function makeEmbedded(shardCount = 128): Promise<MetaStore> {
  const env = createSimEnv(7);
  const store = await openMemoryStore();
  const own = { nodeUuid: 'n', clusterUuid: 'own', shardCount };
  await openCluster(store, env.clock, own);
  const catalog = await openCatalog(store, env, listener);
  for (let i = 0; i < 5; i++) {
    const { id } = await catalog.createDatabase(`db ${i}`);
    const fields = Array.from({ length: 40 }, (_, f) => {
      return { measurement: `m${f}`, field: 'v', type: 'float' as const };
    });
    await catalog.registerFields(id, fields);
  }
  await catalog.dropDatabase('db 3');
  catalog.close();
  return store;
}

/** What a cluster must have got: everything but what belongs to the store itself. */
async function contents(store: MetaStore): Promise<[string, string][]> {
  const { records } = await store.range('');
  const isCopied = ({ key }: MetaRecord) => /^(catalog|dropped|[tk]store\/shards)\//.test(key);
  return records.filter(isCopied).map(({ key, value }) => [key, value]);
}

async function checkMoved(from: MetaStore, to: MetaStore): Promise<void> {
  expect(await contents(to)).toEqual(await contents(from));
  expect(await to.get('adopting')).toBeUndefined();
  expect(await findMoveState(from)).toBe('moved');
  await expect(refuseMoved(from)).rejects.toMatchObject({ code: 'conflict' });
  const env = createSimEnv(2);
  const before = { self: 'n', clusterUuid: 'own', lastMap: undefined, isAttached: () => true };
  const old = new ClusterWatch(env, from, before);
  await old.open();
  const view = new ClusterWatch(env, to, { ...before, lastMap: old.map });
  await view.open();
  expect(view.refusal).toBeUndefined();
  expect(view.map.version).toBeGreaterThan(old.map.version);
  expect(view.map.replicationFactor).toBe(2);
  expect(view.map.shards.tstore).toHaveLength(old.map.shards.tstore.length);
  expect(view.map.shards.tstore[5]).toMatchObject({ primary: 'n', replicas: ['n'], isNew: false });
  old.close();
  view.close();
}

describe('moving metadata to etcd', () => {
  test('takes everything along, and goes on with the map version', async () => {
    const [from, to] = [await makeEmbedded(), await openMemoryStore()];
    await adoptEmbedded(from, to, options, log);
    await checkMoved(from, to);
    const again = await to.range('');
    await adoptEmbedded(from, to, options, log);
    expect(await to.range('')).toEqual(again);
  });

  test.each([
    'before',
    'after',
  ] as const)('is finished by the next start when a call dies (%s)', async (when) => {
    for (let at = 1; ; at++) {
      const [from, to] = [await makeEmbedded(), await openMemoryStore()];
      const [near, far] = [shareStore(from), shareStore(to)];
      const fate = () => (near.calls() + far.calls() === at ? when : undefined);
      near.fail = fate;
      far.fail = fate;
      const died = await adoptEmbedded(near, far, options, log).then(
        () => false,
        () => true,
      );
      // Alone it may be used only as long as no cluster can have been made of it.
      const isHere = (await findMoveState(from)) === 'here';
      if (isHere) expect(await to.get('cluster')).toBeUndefined();
      await adoptEmbedded(from, to, options, log);
      await checkMoved(from, to);
      if (!died) {
        expect(at).toBeGreaterThan(15);
        return;
      }
    }
  });

  test('what was changed between two attempts arrives as it is then', async () => {
    const [from, to] = [await makeEmbedded(), await openMemoryStore()];
    const far = shareStore(to);
    far.fail = () => (far.calls() === 7 ? 'after' : undefined);
    await expect(adoptEmbedded(from, far, options, log)).rejects.toThrow();
    const env = createSimEnv(9);
    const catalog = await openCatalog(from, env, listener);
    await catalog.dropDatabase('db 0');
    await catalog.createDatabase('late');
    catalog.close();
    await adoptEmbedded(from, to, options, log);
    await checkMoved(from, to);
  });

  test('never touches a place that is taken', async () => {
    const clock = createSimEnv(1).clock;
    const other = { clusterUuid: 'other', shardCount: 16, replicationFactor: 2 };
    const taken = await openMemoryStore();
    await makeCluster(taken, clock, other);
    const strewn = await openMemoryStore();
    const onSuccess = [{ kind: 'put', key: 'catalog/databases/x', value: '{}' } as const];
    await strewn.transaction({ compare: [], onSuccess });
    for (const to of [taken, strewn]) {
      const before = await to.range('');
      const from = await makeEmbedded();
      await expect(adoptEmbedded(from, to, options, log)).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await to.range('')).toEqual(before);
      expect(await findMoveState(from)).toBe('here');
    }
  });

  test('nobody makes a cluster in a place that is being moved to', async () => {
    const [from, to] = [await makeEmbedded(), await openMemoryStore()];
    const far = shareStore(to);
    far.fail = () => (far.calls() === 6 ? 'after' : undefined);
    await expect(adoptEmbedded(from, far, options, log)).rejects.toThrow();
    const clock = createSimEnv(1).clock;
    const other = { clusterUuid: 'other', shardCount: 16, replicationFactor: 2 };
    await expect(makeCluster(to, clock, other)).rejects.toMatchObject({ code: 'unavailable' });
    await adoptEmbedded(from, to, options, log);
    expect((await makeCluster(to, clock, other)).clusterUuid).toBe('own');
  });
});
