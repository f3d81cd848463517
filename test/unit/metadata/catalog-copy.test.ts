/**
 * Goal: a node that starts while etcd is away has the catalog it had, and none that is damaged or another cluster's.
 * Method: random changes of a catalog over a simulated disk; the node is killed and starts again without a store.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSimEnv, type SimEnv } from '../../../src/env/sim/sim-env.ts';
import { type OpenCatalog, openCatalog } from '../../../src/metadata/catalog.ts';
import {
  CatalogCopy,
  catalogCopyFile,
  readCatalogCopy,
} from '../../../src/metadata/catalog-copy.ts';
import type { MetaStore } from '../../../src/metadata/meta-store.ts';
import { openMemoryStore, shareStore } from '../../support/meta-store-faults.ts';

const uuid = 'ours';
const listener = { databasesChanged: () => undefined, failed: () => undefined };

function openOn(env: SimEnv, bare: MetaStore, clusterUuid = uuid) {
  const store = shareStore(bare);
  const copy = new CatalogCopy(env, store, env.disk, clusterUuid);
  return { store, copy };
}

function describeCatalog({ view, admin }: OpenCatalog) {
  return view.databases.map((db) => [
    db,
    [...(view.fields(db.id, 'm') ?? [])],
    admin.view.continuousQueries(db.id),
  ]);
}

type Change = { readonly db: string; readonly what: 'make' | 'drop' | 'field' | 'query' };

async function change(catalog: OpenCatalog, { db, what }: Change, i: number): Promise<void> {
  const known = catalog.view.database(db);
  if (what === 'make' || known === undefined) await catalog.createDatabase(db);
  else if (what === 'drop') await catalog.dropDatabase(db);
  else if (what === 'field') {
    const field = { measurement: 'm', field: `f${i}`, type: 'float' as const };
    await catalog.registerFields(known.id, [field]);
  } else {
    await catalog.admin.createContinuousQuery({ database: db, name: `q${i}`, text: 'text' });
  }
}

const changes = fc.array(
  fc.record({
    db: fc.constantFrom('a', 'b', 'c'),
    what: fc.constantFrom('make' as const, 'drop' as const, 'field' as const, 'query' as const),
  }),
  { maxLength: 25 },
);

describe('the copy of the catalog', () => {
  test('is what the catalog was, after a kill, and is read anew when the store is back', async () => {
    const cases = fc.asyncProperty(fc.integer(), changes, changes, async (seed, first, later) => {
      const env = createSimEnv(seed);
      const bare = await openMemoryStore(env);
      const { copy } = openOn(env, bare);
      const catalog = await env.scheduler.run(openCatalog(copy, env, listener));
      for (const [i, one] of first.entries()) await env.scheduler.run(change(catalog, one, i));
      await env.scheduler.advance(1_000);
      const before = describeCatalog(catalog);
      catalog.close();
      env.kill();

      const { store, copy: second } = openOn(env, bare);
      store.fail = () => 'before';
      const again = await env.scheduler.run(openCatalog(second, env, listener));
      expect(describeCatalog(again)).toEqual(before);
      await expect(env.scheduler.run(again.createDatabase('new'))).rejects.toMatchObject({
        code: 'unavailable',
      });

      const other = await env.scheduler.run(openCatalog(shareStore(bare), env, listener));
      for (const [i, one] of later.entries()) await env.scheduler.run(change(other, one, 100 + i));
      store.fail = () => undefined;
      await env.scheduler.advance(5_000);
      expect(describeCatalog(again)).toEqual(describeCatalog(other));
      await env.scheduler.run(again.createDatabase('new'));
      again.close();
      other.close();
    });
    await fc.assert(cases, { numRuns: 60 });
  });

  test('after a power cut it is whole up to some change, or not there', async () => {
    const cases = fc.asyncProperty(fc.integer(), changes, async (seed, made) => {
      const env = createSimEnv(seed);
      const bare = await openMemoryStore(env);
      const { copy } = openOn(env, bare);
      const catalog = await env.scheduler.run(openCatalog(copy, env, listener));
      const states = [describeCatalog(catalog)];
      for (const [i, one] of made.entries()) {
        await env.scheduler.run(change(catalog, one, i));
        states.push(describeCatalog(catalog));
      }
      catalog.close();
      env.crash();
      const { store, copy: second } = openOn(env, bare);
      store.fail = () => 'before';
      const opened = await env.scheduler.run(
        openCatalog(second, env, listener).then(
          (again) => again,
          () => undefined,
        ),
      );
      if (opened !== undefined) expect(states).toContainEqual(describeCatalog(opened));
    });
    await fc.assert(cases, { numRuns: 100 });
  });

  test('is not used when it is damaged or of another cluster', async () => {
    const env = createSimEnv(3);
    const bare = await openMemoryStore(env);
    const { copy } = openOn(env, bare);
    const catalog = await env.scheduler.run(openCatalog(copy, env, listener));
    await env.scheduler.run(catalog.createDatabase('a'));
    await env.scheduler.run(copy.range('catalog/'));
    await env.scheduler.advance(1_000);
    const bytes = await env.scheduler.run(env.disk.readAll(catalogCopyFile));
    expect(readCatalogCopy(bytes, uuid)?.records).toHaveLength(1);
    expect(readCatalogCopy(bytes, 'other')).toBeUndefined();
    for (let at = 0; at < bytes.length - 1; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1;
      expect(readCatalogCopy(damaged, uuid)).toBeUndefined();
    }
    const { store, copy: foreign } = openOn(env, bare, 'other');
    store.fail = () => 'before';
    await expect(env.scheduler.run(openCatalog(foreign, env, listener))).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  test('a disk that takes nothing costs only the copy', async () => {
    const env = createSimEnv(4);
    env.disk.faults.capacity = 0;
    const { copy } = openOn(env, await openMemoryStore(env));
    const catalog = await env.scheduler.run(openCatalog(copy, env, listener));
    await env.scheduler.run(catalog.createDatabase('a'));
    await env.scheduler.advance(1_000);
    expect(catalog.view.database('a')).toBeDefined();
    expect(env.events.some(({ event }) => event === 'cannot keep a copy of the catalog')).toBe(
      true,
    );
  });
});
