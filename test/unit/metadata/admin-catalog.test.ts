/** Users, grants, continuous queries and subscriptions: what is dropped takes its dependants with it. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSimPasswords } from '../../../src/env/sim/sim-passwords.ts';
import { type OpenCatalog, openCatalog } from '../../../src/metadata/catalog.ts';
import {
  type EmbeddedMetaStore,
  openEmbeddedMetaStore,
} from '../../../src/metadata/embedded/embedded-meta-store.ts';
import { createMemoryJournal } from '../../../src/metadata/embedded/meta-journal.ts';
import { createCountingRng, createManualTimers } from '../../support/manual-timers.ts';

const rng = createCountingRng();
const env = { rng, passwords: createSimPasswords(rng), timers: createManualTimers() };
const query = { database: 'db', name: 'q', text: 'CREATE CONTINUOUS QUERY q' };
const subscription = { database: 'db', policy: 'autogen', name: 's' };
const target = { mode: 'ALL', destinations: ['udp://h:1'], createdMs: 1_000 } as const;

let store: EmbeddedMetaStore;
let catalog: OpenCatalog;
let failures: unknown[];

function open(): Promise<OpenCatalog> {
  const failed = (error: unknown) => failures.push(error);
  return openCatalog(store, env, { databasesChanged: () => undefined, failed });
}

beforeEach(async () => {
  failures = [];
  store = await openEmbeddedMetaStore({ timers: createManualTimers(), rng }, createMemoryJournal());
  catalog = await open();
  await catalog.createDatabase('db');
});

afterEach(async () => {
  catalog.close();
  await store.close();
  expect(failures).toEqual([]);
});

function idOf(name: string): string {
  return catalog.view.database(name)?.id ?? 'none';
}

function grantsOf(name: string): string[] {
  const { view } = catalog.admin;
  return view.grants(view.user(name)?.id ?? 'none').map(({ privilege }) => privilege);
}

test('no record holds a password in clear', async () => {
  await catalog.admin.createUser('ann', 'a-secret', false);
  await catalog.admin.setPassword('ann', 'another-secret');
  const { records } = await store.range('');
  expect(records.some(({ key }) => key === 'catalog/users/ann')).toBe(true);
  expect(records.map(({ value }) => value).join()).not.toContain('secret');
});

test('a user made twice at once is made once, and passwords are compared', async () => {
  const { admin } = catalog;
  await Promise.all([admin.createUser('ann', 'x', true), admin.createUser('ann', 'x', true)]);
  expect(admin.view.users).toHaveLength(1);
  const results = await Promise.allSettled([
    admin.createUser('bob', 'x', false),
    admin.createUser('bob', 'y', false),
  ]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await expect(admin.createUser('ann', 'x', false)).rejects.toThrow('user already exists');
});

test('REVOKE clears bits of what GRANT has set', async () => {
  const { admin } = catalog;
  await admin.createUser('ann', 'x', false);
  await admin.grant('ann', 'db', 'ALL PRIVILEGES');
  await admin.revoke('ann', 'db', 'READ');
  expect(grantsOf('ann')).toEqual(['WRITE']);
  await admin.grant('ann', 'db', 'READ');
  expect(grantsOf('ann')).toEqual(['READ']);
  await admin.revoke('ann', 'db', 'ALL PRIVILEGES');
  expect(grantsOf('ann')).toEqual(['NO PRIVILEGES']);
});

test('a user made again has none of the rights of the one before', async () => {
  const { admin } = catalog;
  await admin.createUser('ann', 'x', false);
  await admin.grant('ann', 'db', 'READ');
  await admin.dropUser('ann');
  await admin.createUser('ann', 'x', false);
  expect(grantsOf('ann')).toEqual([]);
});

test('a database takes its grants, continuous queries and subscriptions with it', async () => {
  const { admin } = catalog;
  await admin.createUser('ann', 'x', false);
  await admin.grant('ann', 'db', 'READ');
  await admin.createContinuousQuery(query);
  await admin.createSubscription(subscription, target);
  expect(admin.view.continuousQueries(idOf('db'))).toMatchObject([{ name: 'q' }]);
  expect(admin.view.subscriptions(idOf('db'))).toMatchObject([{ name: 's', ...target }]);
  await catalog.dropDatabase('db');
  const { records } = await store.range('catalog/');
  expect(records.map(({ key }) => key)).toEqual(['catalog/users/ann']);
});

test('a policy takes its subscriptions with it, and no others', async () => {
  const { admin } = catalog;
  await catalog.createPolicy('db', 'other', { makeDefault: false });
  await admin.createSubscription(subscription, target);
  await admin.createSubscription({ ...subscription, policy: 'other' }, target);
  await catalog.dropPolicy('db', 'other');
  expect(admin.view.subscriptions(idOf('db'))).toHaveLength(1);
});

test('nothing is made in a database that is dropped at the same moment', async () => {
  const made = catalog.admin.createContinuousQuery(query);
  const outcomes = await Promise.allSettled([catalog.dropDatabase('db'), made]);
  expect(outcomes[0]?.status).toBe('fulfilled');
  const { records } = await store.range('catalog/cq/');
  expect(records).toEqual([]);
});

test('a second node and a restart see the same', async () => {
  const { admin } = catalog;
  await admin.createUser('ann', 'x', true);
  await admin.grant('ann', 'db', 'WRITE');
  await admin.createContinuousQuery(query);
  await admin.createSubscription(subscription, target);
  const other = await open();
  expect(other.admin.view.users).toEqual(admin.view.users);
  expect(other.admin.view.continuousQueries(idOf('db'))).toEqual(
    admin.view.continuousQueries(idOf('db')),
  );
  expect(other.admin.view.subscriptions(idOf('db'))).toEqual(admin.view.subscriptions(idOf('db')));
  await other.admin.setAdmin('ann', false);
  await catalog.createDatabase('later');
  expect(admin.view.user('ann')?.isAdmin).toBe(false);
  other.close();
});

test('a subscription takes its cursors with it; one made again under its name is another one', async () => {
  const { admin } = catalog;
  await catalog.createDatabase('db');
  await admin.createSubscription(subscription, target);
  const [first] = admin.view.subscriptions(idOf('db'));
  const key = `cursors/${idOf('db')}/${first?.rpId}/${first?.id}/0/3`;
  await store.transaction({ compare: [], onSuccess: [{ kind: 'put', key, value: '{"v":1}' }] });
  await admin.dropSubscription(subscription);
  expect(await store.get(key)).toBeUndefined();
  await admin.createSubscription(subscription, target);
  const [second] = admin.view.subscriptions(idOf('db'));
  expect(second).toMatchObject({ name: 's', createdMs: 1_000 });
  expect(second?.id).not.toBe(first?.id);
});
