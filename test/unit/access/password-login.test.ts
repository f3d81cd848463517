/**
 * Goal: a password is checked once and then remembered, until the user changes; an unknown user costs the same
 * work as a wrong password; what may run and wait at once is bounded.
 * Method: the real catalog over one metadata store, on two nodes; checks of passwords are counted and can be held.
 */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { PasswordLogin } from '../../../src/access/password-login.ts';
import type { Passwords } from '../../../src/env/env.ts';
import { createNodeEnv } from '../../../src/env/node/node-env.ts';
import { createSimPasswords } from '../../../src/env/sim/sim-passwords.ts';
import { type OpenCatalog, openCatalog } from '../../../src/metadata/catalog.ts';
import { openEmbeddedMetaStore } from '../../../src/metadata/embedded/embedded-meta-store.ts';
import { createMemoryJournal } from '../../../src/metadata/embedded/meta-journal.ts';
import type { MetaStore } from '../../../src/metadata/meta-store.ts';

const env = createNodeEnv({ logLevel: 'error', logFormat: 'json' });
const here = '10.0.0.1';

let store: MetaStore;
let catalogs: OpenCatalog[];
let checked: string[];
let hold: Promise<void> | undefined;
let running: number;
let runningMost: number;

/** Checks of passwords take until the function is called that this returns. */
function holdChecks(): () => void {
  let release: () => void = () => undefined;
  hold = new Promise((resolve) => {
    release = resolve;
  });
  return () => release();
}

function countingPasswords(): Passwords {
  const passwords = createSimPasswords(env.rng);
  return {
    ...passwords,
    verify: async (password, stored) => {
      checked.push(password);
      running++;
      runningMost = Math.max(runningMost, running);
      await hold;
      running--;
      return passwords.verify(password, stored);
    },
  };
}

beforeEach(async () => {
  store = await openEmbeddedMetaStore(env, createMemoryJournal());
  catalogs = [];
  checked = [];
  hold = undefined;
  running = 0;
  runningMost = 0;
});

afterEach(async () => {
  for (const catalog of catalogs) catalog.close();
  await store.close();
});

/** A node's catalog and its door. */
async function openNode() {
  const passwords = countingPasswords();
  const listener = { databasesChanged: () => undefined, failed: () => undefined };
  const catalog = await openCatalog(store, { ...env, passwords }, listener);
  catalogs.push(catalog);
  const decoyHash = await passwords.hash('nobody has this');
  const users = () => catalog.admin.view;
  const login = new PasswordLogin({ clock: env.clock, passwords, users, decoyHash });
  const enter = async (name: string, password: string, address = here) =>
    (await login.login(name, password, address))?.name;
  return { admin: catalog.admin, enter };
}

test('a password that was right is not checked again, a wrong one every time', async () => {
  const { admin, enter } = await openNode();
  await admin.createUser('ann', 'right', false);
  for (let i = 0; i < 5; i++) expect(await enter('ann', 'right')).toBe('ann');
  expect(checked).toEqual(['right']);
  for (let i = 0; i < 3; i++) expect(await enter('ann', 'wrong')).toBeUndefined();
  expect(await enter('ann', 'right')).toBe('ann');
  expect(checked).toEqual(['right', 'wrong', 'wrong', 'wrong']);
});

test('an unknown user costs the work of a wrong password', async () => {
  const { enter } = await openNode();
  expect(await enter('nobody', 'x')).toBeUndefined();
  expect(await enter('nobody', 'nobody has this')).toBeUndefined();
  expect(checked).toEqual(['x', 'nobody has this']);
});

test('one name and password are never taken for another pair with the same letters', async () => {
  const { admin, enter } = await openNode();
  await admin.createUser('an', 'nx', false);
  await admin.createUser('ann', 'y', false);
  expect(await enter('an', 'nx')).toBe('an');
  expect(await enter('ann', 'x')).toBeUndefined();
});

test('a new password, a drop and a new user of the name end what was remembered, on every node', async () => {
  const [one, two] = [await openNode(), await openNode()];
  const untilOnTwo = (isSo: () => boolean) => expect.poll(isSo, { timeout: 60_000 }).toBe(true);
  await one.admin.createUser('ann', 'first', false);
  await untilOnTwo(() => two.admin.view.user('ann') !== undefined);
  expect(await two.enter('ann', 'first')).toBe('ann');

  const hash = two.admin.view.user('ann')?.passwordHash;
  await one.admin.setPassword('ann', 'second');
  await untilOnTwo(() => two.admin.view.user('ann')?.passwordHash !== hash);
  expect(await two.enter('ann', 'first')).toBeUndefined();
  expect(await two.enter('ann', 'second')).toBe('ann');

  await one.admin.dropUser('ann');
  await untilOnTwo(() => two.admin.view.user('ann') === undefined);
  expect(await two.enter('ann', 'second')).toBeUndefined();

  await one.admin.createUser('ann', 'third', false);
  await untilOnTwo(() => two.admin.view.user('ann') !== undefined);
  expect(await two.enter('ann', 'second')).toBeUndefined();
  expect(await two.enter('ann', 'third')).toBe('ann');
});

test('a password that is changed while it is checked is not let in', async () => {
  const { admin, enter } = await openNode();
  await admin.createUser('ann', 'old', false);
  const release = holdChecks();
  const entering = enter('ann', 'old');
  await expect.poll(() => checked.length, { timeout: 60_000 }).toBe(1);
  await admin.setPassword('ann', 'new');
  release();
  expect(await entering).toBeUndefined();
});

test('many who bring the same share one check; others run two at a time, and too many are put off', async () => {
  const { admin, enter } = await openNode();
  await admin.createUser('ann', 'right', false);
  const names = Array.from({ length: 200 }, (_, i) => `user${i}`);
  const release = holdChecks();
  const same = Array.from({ length: 50 }, () => enter('ann', 'right'));
  // From everywhere, so that the limits on failures of one client play no part.
  const others = names.map((name, i) => enter(name, 'guess', `10.1.1.${i}`));
  const outcomes = Promise.allSettled(others);
  await expect.poll(() => running, { timeout: 60_000 }).toBe(2);
  release();
  expect(new Set(await Promise.all(same))).toEqual(new Set(['ann']));
  const refused = (await outcomes).filter(({ status }) => status === 'rejected');
  expect(refused).not.toHaveLength(0);
  for (const one of refused) expect(one).toMatchObject({ reason: { code: 'overloaded' } });
  expect(runningMost).toBe(2);
  expect(checked.filter((password) => password === 'right')).toHaveLength(1);
  // Two under way, 128 that wait.
  expect(checked).toHaveLength(130);
  // Guessing locks nobody out who is at work.
  expect(await enter('ann', 'right')).toBe('ann');
});
