/** The catalog's rules, in InfluxDB's words, and that changes made at once by several nodes all count. */

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSimPasswords } from '../../../src/env/sim/sim-passwords.ts';
import { type OpenCatalog, openCatalog } from '../../../src/metadata/catalog.ts';
import type { CatalogView, FieldRegistration } from '../../../src/metadata/catalog-view.ts';
import {
  type EmbeddedMetaStore,
  openEmbeddedMetaStore,
} from '../../../src/metadata/embedded/embedded-meta-store.ts';
import { createMemoryJournal } from '../../../src/metadata/embedded/meta-journal.ts';
import { mapVersionKey } from '../../../src/metadata/meta-keys.ts';
import type { MetaStore } from '../../../src/metadata/meta-store.ts';
import type { FieldType } from '../../../src/model/field-type.ts';
import { createCountingRng, createManualTimers } from '../../support/manual-timers.ts';

const hour = 3_600_000_000_000n;
const day = 24n * hour;

let store: EmbeddedMetaStore;
let catalog: OpenCatalog;
let failures: unknown[];
const rng = createCountingRng();
const env = { rng, passwords: createSimPasswords(rng), timers: createManualTimers() };

async function open(onChange: (view: () => CatalogView) => void = () => undefined) {
  const opened: OpenCatalog = await openCatalog(store, env, {
    databasesChanged: () => onChange(() => opened.view),
    failed: (error) => failures.push(error),
  });
  return opened;
}

beforeEach(async () => {
  failures = [];
  store = await openEmbeddedMetaStore({ timers: createManualTimers(), rng }, createMemoryJournal());
  catalog = await open();
});

afterEach(async () => {
  catalog.close();
  await store.close();
  expect(failures).toEqual([]);
});

function policy(db: string, name: string) {
  const found = catalog.view.database(db);
  return found && catalog.view.policy(found, name);
}

describe('databases', () => {
  test('a new database keeps everything for ever in autogen', async () => {
    const db = await catalog.createDatabase('mydb');
    expect(db).toMatchObject({
      name: 'mydb',
      defaultPolicy: 'autogen',
      policies: [
        { name: 'autogen', durationNs: 0n, shardGroupDurationNs: 7n * day, replication: 1 },
      ],
    });
    expect(catalog.view.database('mydb')).toEqual(db);
  });

  test('creating again without options changes nothing', async () => {
    const db = await catalog.createDatabase('a', { durationNs: 2n * day, name: 'two' });
    const { revision } = await store.range('');
    expect(await catalog.createDatabase('a')).toEqual(db);
    expect((await store.range('')).revision).toBe(revision);
  });

  test('creating again with options is fine only when they say what is there', async () => {
    const options = { name: 'two', durationNs: 2n * day, replication: 3 };
    const db = await catalog.createDatabase('a', options);
    expect(db.policies[0]).toMatchObject({ shardGroupDurationNs: day, replication: 3 });
    expect(await catalog.createDatabase('a', options)).toEqual(db);
    expect(await catalog.createDatabase('a', { name: 'two' })).toEqual(db);
    const others = [
      { ...options, durationNs: 3n * day },
      { ...options, replication: 1 },
      { ...options, shardGroupDurationNs: 2n * hour },
      { ...options, name: 'other' },
      { durationNs: 2n * day },
    ];
    for (const other of others) {
      await expect(catalog.createDatabase('a', other)).rejects.toMatchObject({
        code: 'conflict',
        message: 'retention policy conflicts with an existing policy',
      });
    }
  });

  test('the policy that is there must be the default too', async () => {
    await catalog.createDatabase('a');
    await catalog.createPolicy('a', 'p', { durationNs: day, makeDefault: false });
    await expect(catalog.createDatabase('a', { name: 'p', durationNs: day })).rejects.toMatchObject(
      { message: 'retention policy conflicts with an existing policy' },
    );
  });

  test('names are printable, without slashes, and no dots alone', async () => {
    for (const name of ['', '.', '..', 'a/b', 'a\\b', 'a\nb', 'a\u00a0b', '\u200b']) {
      await expect(catalog.createDatabase(name), JSON.stringify(name)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: 'invalid name',
      });
    }
    for (const name of ['a b', 'ü', '...', '%2F', '日本', "it's", '"q"', 'a%b', '__proto__']) {
      await catalog.createDatabase(name);
      expect(catalog.view.database(name)?.name).toBe(name);
    }
  });

  test('databases keep the order of their creation, whatever is changed later', async () => {
    for (const name of ['z', 'a', 'm']) await catalog.createDatabase(name);
    await catalog.createPolicy('z', 'p', { durationNs: day, makeDefault: true });
    expect(catalog.view.databases.map(({ name }) => name)).toEqual(['z', 'a', 'm']);
  });

  test('dropping is idempotent, leaves a record, and a new one of the name is another', async () => {
    const first = await catalog.createDatabase('a');
    await catalog.registerFields(first.id, [{ measurement: 'm', field: 'f', type: 'float' }]);
    expect(await catalog.dropDatabase('a')).toEqual(first);
    expect(catalog.view.database('a')).toBeUndefined();
    expect(catalog.view.fields(first.id, 'm')).toBeUndefined();
    expect(await catalog.dropDatabase('a')).toBeUndefined();
    expect(await catalog.dropped()).toEqual([{ dbId: first.id, rpId: undefined }]);
    const second = await catalog.createDatabase('a');
    expect(second.id).not.toBe(first.id);
    expect(catalog.view.fields(second.id, 'm')).toBeUndefined();
    await expect(
      catalog.registerFields(first.id, [{ measurement: 'm', field: 'f', type: 'float' }]),
    ).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('retention policies', () => {
  beforeEach(async () => {
    await catalog.createDatabase('db');
  });

  test.each([
    [0n, undefined, 7n * day],
    [hour, undefined, hour],
    [2n * day - 1n, undefined, hour],
    [2n * day, undefined, day],
    [180n * day - 1n, undefined, day],
    [180n * day, undefined, 7n * day],
    [day, 1n, hour],
    [day, 5n * hour, 5n * hour],
    [0n, 0n, 7n * day],
  ])('duration %s and shard duration %s make shard groups of %s', async (durationNs, asked, is) => {
    const made = await catalog.createPolicy('db', 'p', {
      durationNs,
      shardGroupDurationNs: asked,
      makeDefault: false,
    });
    expect(made.shardGroupDurationNs).toBe(is);
  });

  test.each([
    [{ durationNs: hour - 1n }, 'retention policy duration must be at least 1h0m0s'],
    [
      { durationNs: hour, shardGroupDurationNs: 2n * hour },
      'retention policy duration must be greater than the shard duration',
    ],
    [{ durationNs: day, replication: 0 }, 'replication factor must be greater than 0'],
  ])('%o is refused', async (options, message) => {
    await expect(
      catalog.createPolicy('db', 'p', { ...options, makeDefault: false }),
    ).rejects.toMatchObject({ code: 'invalid-argument', message });
  });

  test('the same again is fine, anything else is not', async () => {
    const options = { durationNs: day, replication: 1, makeDefault: false };
    const made = await catalog.createPolicy('db', 'p', options);
    expect(await catalog.createPolicy('db', 'p', options)).toEqual(made);
    for (const other of [{ durationNs: 2n * day }, { replication: 2 }]) {
      await expect(catalog.createPolicy('db', 'p', { ...options, ...other })).rejects.toMatchObject(
        { message: 'retention policy already exists' },
      );
    }
    await expect(
      catalog.createPolicy('db', 'p', { ...options, makeDefault: true }),
    ).rejects.toMatchObject({ message: 'retention policy conflicts with an existing policy' });
    await expect(catalog.createPolicy('none', 'p', options)).rejects.toMatchObject({
      code: 'not-found',
      message: 'database not found: none',
    });
  });

  test('changing the duration leaves the shard duration', async () => {
    await catalog.createPolicy('db', 'p', { durationNs: 10n * day, makeDefault: false });
    await catalog.alterPolicy('db', 'p', { durationNs: 0n, makeDefault: true });
    expect(policy('db', 'p')).toMatchObject({ durationNs: 0n, shardGroupDurationNs: day });
    expect(catalog.view.database('db')?.defaultPolicy).toBe('p');
    await catalog.alterPolicy('db', 'p', { shardGroupDurationNs: 1n, makeDefault: false });
    expect(policy('db', 'p')?.shardGroupDurationNs).toBe(hour);
    await catalog.alterPolicy('db', 'p', { replication: 2, makeDefault: false });
    expect(policy('db', 'p')?.replication).toBe(2);
  });

  test.each([
    ['none', 'p', {}, 'database not found: none'],
    ['db', 'none', {}, 'retention policy not found: none'],
    ['db', 'p', { durationNs: 1n }, 'retention policy duration must be at least 1h0m0s'],
    [
      'db',
      'p',
      { durationNs: hour },
      'retention policy duration must be greater than the shard duration',
    ],
    [
      'db',
      'p',
      { shardGroupDurationNs: 20n * day },
      'retention policy duration must be greater than the shard duration',
    ],
  ])('altering %s.%s with %o is refused', async (db, name, options, message) => {
    await catalog.createPolicy('db', 'p', { durationNs: 10n * day, makeDefault: false });
    await expect(
      catalog.alterPolicy(db, name, { ...options, makeDefault: false }),
    ).rejects.toMatchObject({ message });
  });

  test('dropping the default leaves its name dangling', async () => {
    const db = catalog.view.database('db');
    const dropped = await catalog.dropPolicy('db', 'autogen');
    expect(dropped?.name).toBe('autogen');
    expect(await catalog.dropPolicy('db', 'autogen')).toBeUndefined();
    expect(await catalog.dropPolicy('none', 'autogen')).toBeUndefined();
    expect(catalog.view.database('db')).toMatchObject({ defaultPolicy: 'autogen', policies: [] });
    expect(await catalog.dropped()).toEqual([{ dbId: db?.id, rpId: dropped?.id }]);
    const again = await catalog.createDatabase('db', { durationNs: day });
    expect(again.policies).toMatchObject([{ name: 'autogen', durationNs: day }]);
    expect(again.policies[0]?.id).not.toBe(dropped?.id);
  });
});

describe('fields', () => {
  const field = (measurement: string, name: string, type: FieldType): FieldRegistration => ({
    measurement,
    field: name,
    type,
  });

  test('the first type stands, in one call and over several', async () => {
    const { id } = await catalog.createDatabase('db');
    const conflicts = await catalog.registerFields(id, [
      field('m', 'a', 'float'),
      field('m', 'a', 'integer'),
      field('n', 'a', 'string'),
    ]);
    expect(conflicts).toEqual([{ ...field('m', 'a', 'integer'), registered: 'float' }]);
    expect(await catalog.registerFields(id, [field('m', 'a', 'boolean')])).toEqual([
      { ...field('m', 'a', 'boolean'), registered: 'float' },
    ]);
    expect(catalog.view.fieldType(id, 'm', 'a')).toBe('float');
    expect(catalog.view.fields(id, 'n')).toEqual(new Map([['a', 'string']]));
  });

  test('many measurements take few transactions', async () => {
    const { id } = await catalog.createDatabase('db');
    const before = (await store.range('')).revision;
    const fields = Array.from({ length: 250 }, (_, i) => field(`m${i}`, 'v', 'float'));
    expect(await catalog.registerFields(id, fields)).toEqual([]);
    expect((await store.range('')).revision - before).toBe(3);
    expect(catalog.view.fieldType(id, 'm249', 'v')).toBe('float');
  });

  test('nodes that register at once agree on every type', async () => {
    const types: readonly FieldType[] = ['float', 'integer', 'string', 'boolean'];
    const registration = fc.record({
      measurement: fc.constantFrom('a', 'b', 'c/d', '\udcff'),
      field: fc.constantFrom('x', 'y', '__proto__', '\udcfe'),
      type: fc.constantFrom(...types),
    });
    const nodes = fc.array(fc.array(registration, { minLength: 1, maxLength: 6 }), {
      minLength: 2,
      maxLength: 4,
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(nodes, async (wanted) => {
        const { id } = await catalog.createDatabase(`db${run++}`);
        const catalogs = await Promise.all(wanted.map(() => open()));
        const conflicts = await Promise.all(
          wanted.map((fields, i) => catalogs[i]!.registerFields(id, fields)),
        );
        for (const [i, fields] of wanted.entries()) {
          for (const { measurement, field: name, type } of fields) {
            const registered = catalog.view.fieldType(id, measurement, name);
            expect(registered).toBeDefined();
            const refused = conflicts[i]!.some(
              (one) => one.measurement === measurement && one.field === name && one.type === type,
            );
            expect(refused).toBe(registered !== type);
          }
        }
        for (const opened of catalogs) opened.close();
      }),
      { numRuns: 50 },
    );
  });

  test('a dropped measurement may have other types afterwards', async () => {
    const { id } = await catalog.createDatabase('db');
    await catalog.registerFields(id, [field('m', 'a', 'float'), field('n', 'a', 'float')]);
    await catalog.dropMeasurement(id, 'm');
    await catalog.dropMeasurement(id, 'never');
    expect(catalog.view.fields(id, 'm')).toBeUndefined();
    expect(catalog.view.fields(id, 'n')).toBeDefined();
    expect(await catalog.registerFields(id, [field('m', 'a', 'string')])).toEqual([]);
  });
});

describe('several nodes', () => {
  test('changes made at once to one database are all there', async () => {
    await catalog.createDatabase('db');
    const others = await Promise.all([open(), open(), open()]);
    await Promise.all(
      others.map((other, i) =>
        other.createPolicy('db', `p${i}`, { durationNs: day, makeDefault: false }),
      ),
    );
    expect(others[0]?.view.database('db')?.policies).toHaveLength(4);
    for (const other of others) other.close();
  });

  test('a database made on one node is there for all when the call returns or soon after', async () => {
    let view: CatalogView | undefined;
    let onSeen = () => {};
    const seen = new Promise<void>((resolve) => {
      onSeen = resolve;
    });
    const other = await open((current) => {
      view = current();
      onSeen();
    });
    await catalog.createDatabase('db');
    await seen;
    expect(view?.database('db')).toBeDefined();
    other.close();
  });

  test('a copy that is told its history is gone reads everything anew', async () => {
    await catalog.createDatabase('before');
    let tellCompacted = () => {};
    let watches = 0;
    const forgetful: MetaStore = {
      get: (key) => store.get(key),
      range: (prefix) => store.range(prefix),
      transaction: (transaction) => store.transaction(transaction),
      grantLease: (ttlMs) => store.grantLease(ttlMs),
      keepLeaseAlive: (id) => store.keepLeaseAlive(id),
      revokeLease: (id) => store.revokeLease(id),
      close: () => store.close(),
      watch(prefix, from, listener) {
        if (++watches > 1) return store.watch(prefix, from, listener);
        tellCompacted = () => listener({ kind: 'compacted', revision: from + 1 });
        return { close: () => undefined };
      },
    };
    const late = await openCatalog(forgetful, env, {
      databasesChanged: () => undefined,
      failed: (error) => failures.push(error),
    });
    await catalog.createDatabase('meanwhile');
    expect(late.view.database('meanwhile')).toBeUndefined();
    tellCompacted();
    await late.createDatabase('after');
    expect(late.view.databases.map(({ name }) => name)).toEqual(['before', 'meanwhile', 'after']);
    expect(watches).toBe(2);
    late.close();
  });

  test('every change raises the map version', async () => {
    const version = async () => (await store.get(mapVersionKey))?.version ?? 0;
    const versions = [await version()];
    const { id } = await catalog.createDatabase('db');
    versions.push(await version());
    await catalog.registerFields(id, [{ measurement: 'm', field: 'f', type: 'float' }]);
    versions.push(await version());
    await catalog.dropMeasurement(id, 'm');
    versions.push(await version());
    await catalog.dropDatabase('db');
    versions.push(await version());
    expect(versions).toEqual([0, 1, 2, 3, 4]);
  });
});
