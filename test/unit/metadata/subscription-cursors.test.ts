/** Durable cursors: raised and never set back, whoever saves them; gone with their subscription. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSimPasswords } from '../../../src/env/sim/sim-passwords.ts';
import { type OpenCatalog, openCatalog } from '../../../src/metadata/catalog.ts';
import {
  type EmbeddedMetaStore,
  openEmbeddedMetaStore,
} from '../../../src/metadata/embedded/embedded-meta-store.ts';
import { createMemoryJournal } from '../../../src/metadata/embedded/meta-journal.ts';
import { SubscriptionCursors } from '../../../src/metadata/subscription-cursors.ts';
import {
  listTails,
  loadPositions,
  type SubscriptionTail,
} from '../../../src/metadata/subscription-tails.ts';
import type { TailPosition } from '../../../src/model/log-tail.ts';
import { createCountingRng, createManualTimers } from '../../support/manual-timers.ts';

const rng = createCountingRng();
const timers = createManualTimers();
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => log,
};
const env = { rng, timers, log, passwords: createSimPasswords(rng) };
const name = { database: 'db', policy: 'autogen', name: 's' };
const destinations = ['http://a:1', 'udp://b:2'];

let store: EmbeddedMetaStore;
let catalog: OpenCatalog;
const opened: SubscriptionCursors[] = [];

beforeEach(async () => {
  store = await openEmbeddedMetaStore(env, createMemoryJournal());
  const failed = (error: unknown) => {
    throw error;
  };
  catalog = await openCatalog(store, env, { databasesChanged: () => undefined, failed });
  await catalog.createDatabase('db');
  await catalog.admin.createSubscription(name, { mode: 'ALL', destinations, createdMs: 5_000 });
});

afterEach(async () => {
  for (const cursors of opened.splice(0)) cursors.close();
  catalog.close();
  await store.close();
});

async function openCursors(): Promise<{ cursors: SubscriptionCursors; moved: TailPosition[] }> {
  const moved: TailPosition[] = [];
  const onMoved = (positions: readonly TailPosition[]) => moved.push(...positions);
  const cursors = new SubscriptionCursors({ store, env, onMoved });
  opened.push(cursors);
  await expect.poll(() => cursors.isLoaded, { timeout: 60_000 }).toBe(true);
  return { cursors, moved };
}

function tails(): SubscriptionTail[] {
  return listTails(catalog.view, catalog.admin.view, 1_000);
}

test('each destination of ALL is a tail of its own, all of ANY are one; their time is before the creation', async () => {
  const target = { mode: 'ANY' as const, destinations, createdMs: 9_000 };
  await catalog.admin.createSubscription({ ...name, name: 'any' }, target);
  const [a, b, any, ...rest] = tails();
  expect(rest).toEqual([]);
  expect([a!.destinations, b!.destinations]).toEqual([['http://a:1'], ['udp://b:2']]);
  expect(any).toMatchObject({ destinations, sinceMs: 8_000, database: 'db', policy: 'autogen' });
  expect(a!.sinceMs).toBe(4_000);
  expect(new Set([a!.id, b!.id, any!.id]).size).toBe(3);
});

test('two who save the same cursor raise it, each in what it knows; who is behind is told', async () => {
  const [first, second] = [await openCursors(), await openCursors()];
  const [tail] = tails() as [SubscriptionTail];
  const save = (by: typeof first, versions: Record<string, number>) =>
    by.cursors.save(tail, [{ tail: tail.id, shard: 3, versions }]);
  expect(await save(first, { aa: 5, bb: 2 })).toBe(true);
  await expect.poll(() => second.cursors.find(tail.id, 3), { timeout: 60_000 }).toBeDefined();
  expect(await save(second, { aa: 4, cc: 7 })).toBe(true);
  await expect
    .poll(() => first.cursors.find(tail.id, 3), { timeout: 60_000 })
    .toEqual({ aa: 5, bb: 2, cc: 7 });
  expect(first.moved.at(-1)).toEqual({
    tail: tail.id,
    shard: 3,
    versions: { aa: 5, bb: 2, cc: 7 },
  });
  expect(await loadPositions(store)).toEqual([first.moved.at(-1)]);
});

test('a save on an older copy, or of a subscription that is gone, changes nothing', async () => {
  const { cursors } = await openCursors();
  const [tail] = tails() as [SubscriptionTail];
  const position = { tail: tail.id, shard: 0, versions: { aa: 1 } };
  // Both leave before the watch has told of the first.
  const saved = await Promise.all([cursors.save(tail, [position]), cursors.save(tail, [position])]);
  expect(saved).toEqual([true, false]);
  await catalog.admin.dropSubscription(name);
  expect(await loadPositions(store)).toEqual([]);
  await expect.poll(() => cursors.find(tail.id, 0), { timeout: 60_000 }).toBeUndefined();
  expect(await cursors.save(tail, [position])).toBe(false);
  expect(await loadPositions(store)).toEqual([]);
});

test('cursors go with their database', async () => {
  const { cursors } = await openCursors();
  const [tail] = tails() as [SubscriptionTail];
  await cursors.save(tail, [{ tail: tail.id, shard: 0, versions: { aa: 1 } }]);
  await catalog.dropDatabase('db');
  expect(await loadPositions(store)).toEqual([]);
});
