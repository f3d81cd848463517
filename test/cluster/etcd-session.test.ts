/**
 * Goal: an etcd that is killed, hangs, or forgets its history costs waiting at most: no change is missed or told
 * twice, no lease is lost that the server kept, and none is trusted longer than it may be.
 * Method: the real store, session and view on a real etcd that things happen to.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createNodeEnv } from '../../src/env/node/node-env.ts';
import { openEtcdMetaStore } from '../../src/metadata/etcd/etcd-meta-store.ts';
import type { MetaStore, WatchNotice } from '../../src/metadata/meta-store.ts';
import { type Member, openMember } from '../support/cluster-member.ts';
import { type EtcdProcess, etcdInstalled, startEtcd } from '../support/etcd-process.ts';
import { findFreePort } from '../support/free-port.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const env = createNodeEnv({
  logLevel: 'error',
  logFormat: 'json',
});

async function until(claim: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`never: ${claim}`);
    await sleep(10);
  }
}

/** `sentMs`: when the call that failed was made. */
async function untilItFails(call: () => Promise<unknown>) {
  for (let calls = 0; calls < 1_000; calls++) {
    const sentMs = env.clock.monotonicMs();
    try {
      await call();
    } catch (error) {
      return { error, sentMs };
    }
  }
  throw new Error('the call never failed');
}

/** Writes one key again and again, each write awaited; those whose fate is unknown are counted apart. */
function startWriter(store: MetaStore) {
  let running = true;
  const revisions: number[] = [];
  const failures: string[] = [];
  const run = async () => {
    while (running) {
      try {
        const onSuccess = [{ kind: 'put', key: 'counter', value: '' } as const];
        revisions.push((await store.transaction({ compare: [], onSuccess })).revision);
      } catch (error) {
        failures.push(String(error));
        await sleep(20);
      }
      await sleep(5);
    }
  };
  const done = run();
  return {
    revisions,
    failures,
    async stop() {
      running = false;
      await done;
    },
  };
}

/** Versions of the key in the order in which they were told. */
function versionsOf(notices: readonly WatchNotice[]): number[] {
  return notices.flatMap((notice) =>
    notice.kind === 'changes'
      ? notice.changes.map((change) => (change.kind === 'put' ? change.record.version : 0))
      : [-1],
  );
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

describe.skipIf(!etcdInstalled)('etcd in trouble', () => {
  let etcd: EtcdProcess;
  let clusters = 0;
  const opened: { close(): Promise<unknown> }[] = [];

  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd?.cleanUp());
  afterEach(async () => {
    etcd.resume();
    for (const one of opened.splice(0).reverse()) await one.close();
  });

  function openStore(clusterName: string, url = etcd.url): MetaStore {
    const store = openEtcdMetaStore(env, { urls: [url], clusterName });
    opened.push(store);
    return store;
  }

  async function openAlone(ttlMs: number): Promise<Member> {
    const clusterName = `session ${++clusters}`;
    const store = openEtcdMetaStore(env, { urls: [etcd.url], clusterName });
    const member = await openMember(env, store, { uuid: 'a', replicationFactor: 1, ttlMs });
    opened.push(member);
    return member;
  }

  async function checkCounter(store: MetaStore, notices: readonly WatchNotice[]): Promise<void> {
    const record = await store.get('counter');
    await until('the watch tells the last change', () => {
      return versionsOf(notices).at(-1) === record!.version;
    });
    expect(versionsOf(notices)).toEqual(upTo(record!.version));
  }

  test('killed and back after 1.5 s: lease kept, no change missed or repeated', async () => {
    const member = await openAlone(5_000);
    const { lease } = member.session;
    expect(lease).toBeDefined();
    const notices: WatchNotice[] = [];
    const clusterName = `session ${clusters}`;
    const watcher = openStore(clusterName);
    watcher.watch('counter', 1, (notice) => notices.push(notice));
    const writer = startWriter(openStore(clusterName));
    await until('some writes', () => writer.revisions.length > 20);
    await etcd.kill();
    await sleep(1_500);
    const before = writer.revisions.length;
    await etcd.start();
    await until('writes after the restart', () => writer.revisions.length > before + 20);
    await writer.stop();
    expect(writer.failures.length).toBeGreaterThan(0);
    await checkCounter(watcher, notices);
    await until('attached again', () => member.session.lease !== undefined);
    expect(member.session.lease).toBe(lease);
    expect((await member.store.get('nodes/a'))?.lease).toBe(lease);
  });

  test('hangs for 12 s: calls end, the lease is trusted only as long as it may be', async () => {
    const ttlMs = 3_000;
    const member = await openAlone(ttlMs);
    const notices: WatchNotice[] = [];
    const store = openStore(`session ${clusters}`);
    store.watch('counter', 1, (notice) => notices.push(notice));
    const writer = startWriter(store);
    await until('some writes', () => writer.revisions.length > 20);
    etcd.pause();
    const hung = sleep(12_000);
    // The signal takes its time: a call or two may still be answered.
    const { error, sentMs } = await untilItFails(() => store.get('counter'));
    expect(error).toMatchObject({ code: 'unavailable' });
    expect(member.session.isAttached(sentMs + ttlMs - 1_000 + 1)).toBe(false);
    await hung;
    expect(member.session.lease).toBeUndefined();
    const before = writer.revisions.length;
    etcd.resume();
    await until('attached again', () => member.session.lease !== undefined);
    await until('writes again', () => writer.revisions.length > before + 20);
    await writer.stop();
    await checkCounter(store, notices);
    await until('the node is there', () => member.view.map.nodes.has('a'));
  });

  test('a lease that ended while nobody could renew it is replaced, with the record', async () => {
    const member = await openAlone(2_000);
    const { lease } = member.session;
    await etcd.ctl('lease', 'revoke', BigInt(lease!).toString(16));
    await until('another lease', () => ![undefined, lease].includes(member.session.lease));
    await until('the node is there', () => member.view.map.nodes.has('a'));
    expect((await member.store.get('nodes/a'))?.lease).toBe(member.session.lease);
  });

  test('history compacted while cut off: the watch says so, the view reads anew', async () => {
    const proxy = await startTcpProxy(Number(new URL(etcd.url).port));
    opened.push(proxy);
    const clusterName = `session ${++clusters}`;
    const far = openEtcdMetaStore(env, { urls: [proxy.url], clusterName });
    const member = await openMember(env, far, { uuid: 'a', replicationFactor: 1 });
    opened.push(member);
    const near = openStore(clusterName);
    const notices: WatchNotice[] = [];
    far.watch('x/', 1, (notice) => notices.push(notice));
    await near.transaction({ compare: [], onSuccess: [{ kind: 'put', key: 'x/1', value: '' }] });
    await until('the watch works', () => notices.length === 1);
    await proxy.refuse();
    const record = member.view.map.nodes.get('a')!;
    const value = JSON.stringify({ v: 1, ...record, uuid: 'b' });
    await near.transaction({ compare: [], onSuccess: [{ kind: 'put', key: 'nodes/b', value }] });
    const { revision } = await near.transaction({
      compare: [],
      onSuccess: [{ kind: 'put', key: 'x/2', value: '' }],
    });
    await etcd.ctl('compact', String(revision));
    await proxy.accept();
    await until('told of the compaction', () => notices.length === 2);
    expect(notices[1]).toEqual({ kind: 'compacted', revision });
    await until('the view has what it missed', () => member.view.map.nodes.has('b'));
  });

  test('of several servers one that refuses or hangs is passed by', async () => {
    const hung = await startEtcd();
    opened.push({ close: () => hung.cleanUp() });
    hung.pause();
    const gone = `http://127.0.0.1:${await findFreePort()}`;
    for (const bad of [gone, hung.url]) {
      const clusterName = `session ${++clusters}`;
      const store = openEtcdMetaStore(env, { urls: [bad, etcd.url], clusterName });
      opened.push(store);
      const seen: number[] = [];
      const from = (await openStore(clusterName).range('k')).revision + 1;
      store.watch('k', from, (notice) => seen.push(notice.revision));
      expect(await store.get('k')).toBeUndefined();
      const onSuccess = [{ kind: 'put', key: 'k', value: '' } as const];
      const { revision } = await store.transaction({ compare: [], onSuccess });
      await until('the watch tells it', () => seen.includes(revision));
    }
  });

  test('a range of many pages is complete and of one revision, while history is compacted', async () => {
    const store = openStore(`session ${++clusters}`);
    const keys = Array.from({ length: 4_500 }, (_, i) => `k/${String(i).padStart(5, '0')}`);
    for (let i = 0; i < keys.length; i += 100) {
      const puts = keys.slice(i, i + 100).map((key) => ({ kind: 'put', key, value: 'v' }) as const);
      await store.transaction({ compare: [], onSuccess: puts });
    }
    const reading = Promise.all(Array.from({ length: 5 }, () => store.range('k/')));
    await store.transaction({
      compare: [],
      onSuccess: [{ kind: 'delete', key: keys[4_400]! }],
    });
    const { revision } = await store.range('k');
    await etcd.ctl('compact', String(revision));
    for (const range of await reading) {
      const isDeleted = range.revision >= revision;
      const left = isDeleted ? keys.filter((_, i) => i !== 4_400) : keys;
      expect(range.records.map(({ key }) => key)).toEqual(left);
    }
  });
});
