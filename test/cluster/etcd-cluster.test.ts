/**
 * Goal: nodes on one etcd make one cluster with one controller, and an etcd that lost or rewound its data is neither
 * believed nor written to.
 * Method: what a node has of metadata, several times in this process, on a real etcd.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Log } from '../../src/env/env.ts';
import { createNodeEnv } from '../../src/env/node/node-env.ts';
import type { SimEvent } from '../../src/env/sim/sim-env.ts';
import { touchMapVersion } from '../../src/metadata/cluster-record.ts';
import type { EtcdAccess } from '../../src/metadata/etcd/etcd-hosts.ts';
import { openEtcdMetaStore } from '../../src/metadata/etcd/etcd-meta-store.ts';
import type { MetaStore } from '../../src/metadata/meta-store.ts';
import type { ClusterMap, ShardRecord } from '../../src/model/cluster.ts';
import { type Member, type MemberOptions, openMember } from '../support/cluster-member.ts';
import { type EtcdProcess, etcdInstalled, startEtcd } from '../support/etcd-process.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const world = createNodeEnv({ logLevel: 'error', logFormat: 'json' });

async function until(claim: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 40_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`never: ${claim}`);
    await sleep(10);
  }
}

function shardsOf(member: Member): readonly ShardRecord[] {
  return member.view.map.shards.tstore;
}

function stripNodes({ nodes: _, ...map }: ClusterMap) {
  return map;
}

describe.skipIf(!etcdInstalled)('a cluster on etcd', () => {
  const opened: { close(): Promise<unknown> }[] = [];
  const events: SimEvent[] = [];

  const log: Log = {
    debug: () => undefined,
    info: (event, fields = {}) => void events.push({ level: 'info', event, fields }),
    warn: (event, fields = {}) => void events.push({ level: 'warn', event, fields }),
    error: (event, fields = {}) => void events.push({ level: 'error', event, fields }),
    with: () => log,
  };
  const env = { ...world, log };

  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
    events.length = 0;
  });

  async function startServer(extra: readonly string[] = []): Promise<EtcdProcess> {
    const etcd = await startEtcd(extra);
    opened.push({ close: () => etcd.cleanUp() });
    return etcd;
  }

  function openStore(access: EtcdAccess): MetaStore {
    const store = openEtcdMetaStore(env, { ...access, clusterName: 'test' });
    opened.push(store);
    return store;
  }

  async function openNode(
    etcd: EtcdProcess,
    uuid: string,
    options: Partial<MemberOptions> = {},
  ): Promise<Member> {
    const store = openEtcdMetaStore(env, { urls: [etcd.url], clusterName: 'test' });
    const member = await openMember(env, store, { uuid, ...options });
    opened.push(member);
    return member;
  }

  async function openThree(etcd: EtcdProcess): Promise<Member[]> {
    const members = await Promise.all(['a', 'b', 'c'].map((uuid) => openNode(etcd, uuid)));
    await until('all see all shards', () => members.every((one) => shardsOf(one).length === 16));
    return members;
  }

  function leadersOf(members: readonly Member[]): string[] {
    return members.filter(({ controller }) => controller.isLeader).map(({ uuid }) => uuid);
  }

  test('three nodes place the shards once, evenly, and all see the same map', async () => {
    const members = await openThree(await startServer());
    expect(leadersOf(members)).toHaveLength(1);
    await until('one map', () => new Set(members.map(({ view }) => view.map.version)).size === 1);
    const [first, ...others] = members.map(({ view }) => stripNodes(view.map));
    for (const other of others) expect(other).toEqual(first);
    const counts = new Map<string, number>();
    for (const { replicas, primary, isNew, epoch } of first!.shards.tstore) {
      expect(new Set(replicas).size).toBe(2);
      expect(replicas).toContain(primary);
      expect([isNew, epoch]).toEqual([true, 1]);
      for (const uuid of replicas) counts.set(uuid, (counts.get(uuid) ?? 0) + 1);
    }
    expect([...counts.values()].sort()).toEqual([10, 11, 11]);
    expect(events.filter(({ event }) => event === 'controller acted')).toHaveLength(1);
  });

  test('one leader at a time, and the transactions of a former one are refused', async () => {
    const etcd = await startServer();
    const members = await openThree(etcd);
    const [leader] = leadersOf(members);
    const former = members.find(({ uuid }) => uuid === leader)!;
    const others = members.filter((one) => one !== former);
    const before = await former.store.get('leader');
    await etcd.ctl('lease', 'revoke', BigInt(former.session.lease!).toString(16));
    await until(
      'another leader',
      () => leadersOf(members).length > 0 && !former.controller.isLeader,
    );
    await until('exactly one leader', () => leadersOf(members).length === 1);
    const after = await others[0]!.store.get('leader');
    expect(after!.createRevision).toBeGreaterThan(before!.createRevision);
    const { succeeded } = await former.view.store.transaction({
      compare: [{ key: 'leader', target: 'create', op: '=', value: before!.createRevision }],
      onSuccess: [touchMapVersion],
    });
    expect(succeeded).toBe(false);
  });

  test('a node that stops is gone at once, one that vanishes when its lease has run out', async () => {
    const etcd = await startServer();
    const members = await openThree(etcd);
    const [leader] = leadersOf(members);
    const stopped = members.find(({ uuid }) => uuid === leader)!;
    const left = members.filter((one) => one !== stopped);
    await stopped.close();
    await until('gone', () => left.every(({ view }) => !view.map.nodes.has(stopped.uuid)));
    await until('a new leader', () => leadersOf(left).length === 1);
    const [first, second] = left as [Member, Member];
    await first.vanish();
    expect(second.view.map.nodes.has(first.uuid)).toBe(true);
    await until('gone in its time', () => !second.view.map.nodes.has(first.uuid));
    await until('the last one leads', () => second.controller.isLeader);
  });

  test('a change is made once, and seen before it is told to be done', async () => {
    const [a, b] = (await openThree(await startServer())) as [Member, Member, Member];
    const record = shardsOf(a)[3]!;
    const change = { ...record, epoch: 2, version: record.version + 1 };
    const results = await Promise.all([
      a.view.propose('tstore', { ...change, degraded: true }),
      b.view.propose('tstore', change),
    ]);
    expect([...results].sort()).toEqual(['done', 'lost']);
    const [winner, loser] = results[0] === 'done' ? [a, b] : [b, a];
    expect(shardsOf(winner)[3]).toMatchObject({ epoch: 2, degraded: winner === a });
    expect(shardsOf(loser)[3]).toEqual(shardsOf(winner)[3]);
    expect(await a.view.propose('tstore', change)).toBe('lost');
  });

  test('an emptied etcd is refused and not written to; the last map stays', async () => {
    const etcd = await startServer();
    const members = await openThree(etcd);
    const held = members.map(({ view }) => stripNodes(view.map));
    await etcd.kill();
    etcd.wipe();
    await etcd.start();
    await until('all refuse', () => members.every(({ view }) => view.refusal !== undefined));
    await sleep(2_000);
    expect(await etcd.ctl('get', '--prefix', '', '--keys-only')).toBe('');
    for (const { view } of members) {
      expect(view.refusal).toMatch(/is empty.*citadel meta reseed/);
      await expect(view.refresh()).rejects.toMatchObject({ code: 'unavailable' });
      const record = view.map.shards.tstore[0]!;
      const next = { ...record, version: record.version + 1 };
      await expect(view.propose('tstore', next)).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect(members.map(({ view }) => stripNodes(view.map))).toEqual(held);
    const alarms = events.filter(({ event }) => event === 'metadata store is refused');
    expect(alarms).toHaveLength(3);
    expect(alarms[0]!.level).toBe('error');
  });

  test('an etcd restored from an old backup is refused; restored from a new one it is taken back', async () => {
    const etcd = await startServer();
    const members = await openThree(etcd);
    const [a] = members as [Member];
    const folder = makeTempDir('etcd-backup');
    await etcd.saveSnapshot(join(folder, 'old'));
    const record = shardsOf(a)[0]!;
    const promoted = { ...record, epoch: 2, version: record.version + 1 };
    expect(await a.view.propose('tstore', promoted)).toBe('done');
    await until('all see it', () => members.every((one) => shardsOf(one)[0]!.epoch === 2));
    await etcd.saveSnapshot(join(folder, 'new'));

    await etcd.kill();
    await etcd.restoreSnapshot(join(folder, 'old'));
    await etcd.start();
    const old = await etcd.ctl('get', '--prefix', '/citadel/test/tstore/', '--write-out=json');
    await until('all refuse', () => members.every(({ view }) => view.refusal !== undefined));
    // A record that has not changed since the backup has the revision that a guard asks for.
    const same = { ...shardsOf(a)[5]!, version: 2 };
    await expect(a.view.propose('tstore', same)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(
      a.view.store.transaction({ compare: [], onSuccess: [touchMapVersion] }),
    ).rejects.toMatchObject({ code: 'unavailable' });
    for (const one of members) expect(shardsOf(one)[0]!.epoch).toBe(2);
    const kept = await etcd.ctl('get', '--prefix', '/citadel/test/tstore/', '--write-out=json');
    expect(JSON.parse(kept).kvs).toEqual(JSON.parse(old).kvs);

    await etcd.kill();
    await etcd.restoreSnapshot(join(folder, 'new'));
    await etcd.start();
    await until('all accept', () => members.every(({ view }) => view.refusal === undefined));
    await until('all attached', () => members.every(({ session }) => session.lease !== undefined));
    const again = { ...shardsOf(a)[0]!, epoch: 3, version: 3 };
    expect(await a.view.propose('tstore', again)).toBe('done');
    await until('all see it', () => members.every((one) => shardsOf(one)[0]!.epoch === 3));
  });

  test('a node starts with its last map while etcd is away, and joins when it is back', async () => {
    const etcd = await startServer();
    const members = await openThree(etcd);
    const lastMap = members[0]!.view.map;
    await members[0]!.close();
    await etcd.kill();
    const early = await openNode(etcd, 'a', { lastMap });
    expect(early.view.map.shards).toEqual(lastMap.shards);
    expect(early.view.isFollowing).toBe(false);
    await expect(early.view.refresh()).rejects.toMatchObject({ code: 'unavailable' });
    await etcd.start();
    await until('following', () => early.view.isFollowing);
    await until('attached', () => early.session.lease !== undefined);
    await until('seen', () => members[1]!.view.map.nodes.has('a'));
  });

  test('etcd with users: a right password lets in, over a restart too, a wrong one does not', async () => {
    const etcd = await startServer();
    await etcd.ctl('user', 'add', 'root:secret');
    await etcd.ctl('auth', 'enable');
    const urls = [etcd.url];
    const store = openStore({ urls, user: { name: 'root', password: 'secret' } });
    const seen: number[] = [];
    const write = () =>
      store.transaction({ compare: [], onSuccess: [{ kind: 'put', key: 'k', value: '' }] });
    store.watch('k', 1, (notice) => seen.push(notice.revision));
    await write();
    await until('the watch works', () => seen.length === 1);
    const lease = await store.grantLease(30_000);
    for (let restart = 1; restart <= 3; restart++) {
      await etcd.kill();
      await etcd.start();
      const isRenewed = () =>
        store.keepLeaseAlive(lease.id).then(
          () => true,
          () => false,
        );
      while (!(await isRenewed())) await sleep(50);
      const { revision } = await write();
      await until('the watch goes on', () => seen.includes(revision));
    }
    const stranger = openStore({ urls, user: { name: 'root', password: 'wrong' } });
    await expect(stranger.get('k')).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(openStore({ urls }).get('k')).rejects.toMatchObject({
      code: expect.stringMatching(/unauthorized|invalid-argument/),
    });
  });

  test('etcd with TLS: only who has a certificate of its authority gets in', async () => {
    const folder = makeTempDir('etcd-tls');
    const file = (name: string) => join(folder, name);
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const names = ['-subj', '/CN=etcd', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const out = ['-keyout', file('key.pem'), '-out', file('cert.pem')];
    execFileSync('openssl', ['req', '-x509', ...curve, ...out, ...names], { stdio: 'pipe' });
    const etcd = await startServer([
      `--cert-file=${file('cert.pem')}`,
      `--key-file=${file('key.pem')}`,
      `--trusted-ca-file=${file('cert.pem')}`,
      '--client-cert-auth',
    ]);
    const urls = [etcd.url];
    expect(etcd.url).toMatch(/^https:/);
    const [ca, key] = [readFileSync(file('cert.pem')), readFileSync(file('key.pem'))];
    const store = openStore({ urls, tls: { ca, cert: ca, key } });
    const seen: number[] = [];
    store.watch('k', 1, (notice) => seen.push(notice.revision));
    await store.transaction({ compare: [], onSuccess: [{ kind: 'put', key: 'k', value: 'v' }] });
    await until('the watch works', () => seen.length === 1);
    await expect(openStore({ urls, tls: { ca } }).get('k')).rejects.toThrow();
    await expect(openStore({ urls }).get('k')).rejects.toThrow();
  });
});
