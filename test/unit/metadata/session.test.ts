/** The session's own reckoning of its lease, in virtual time. */

import { describe, expect, test } from 'vitest';
import { createSimEnv } from '../../../src/env/sim/sim-env.ts';
import { Session, type SessionOptions } from '../../../src/metadata/session.ts';
import { makeNodeRecord } from '../../support/cluster-member.ts';
import { openMemoryStore, shareStore } from '../../support/meta-store-faults.ts';

const ttlMs = 5_000;

async function open(options: Partial<SessionOptions> = {}) {
  const env = createSimEnv(1);
  const bare = await openMemoryStore(env);
  const store = shareStore(bare);
  const session = new Session(env, store, makeNodeRecord('a'), { ttlMs, ...options });
  await env.scheduler.run(session.start());
  const nowMs = () => env.clock.monotonicMs();
  const events = () => env.events.map(({ event }) => event);
  return {
    env,
    bare,
    store,
    session,
    nowMs,
    events,
    advance: env.scheduler.advance.bind(env.scheduler),
  };
}

describe('a session', () => {
  test('puts the record on its lease and keeps both', async () => {
    const { bare, session, advance, nowMs, events } = await open();
    const lease = session.lease!;
    expect((await bare.get('nodes/a'))?.lease).toBe(lease);
    await advance(60_000);
    expect(session.lease).toBe(lease);
    expect((await bare.get('nodes/a'))?.version).toBe(1);
    // From sending the last renewal, at most a second ago.
    expect(session.isAttached(nowMs() + ttlMs - 2_000)).toBe(true);
    expect(session.isAttached(nowMs() + ttlMs - 1_000 + 1)).toBe(false);
    expect(events()).toEqual(['attached to the metadata store']);
  });

  test('never trusts its lease when others may see it gone, wherever calls fail', async () => {
    for (const when of ['before', 'after'] as const) {
      const { bare, store, session, advance, nowMs } = await open();
      store.fail = () => when;
      for (let i = 0; i < 200; i++) {
        await advance(50);
        const isThere = (await bare.get('nodes/a')) !== undefined;
        if (session.isAttached(nowMs())) expect(isThere).toBe(true);
      }
      expect(session.isAttached(nowMs())).toBe(false);
      store.fail = () => undefined;
      await advance(1_000);
      expect(session.lease).toBeDefined();
      expect((await bare.get('nodes/a'))?.lease).toBe(session.lease);
    }
  });

  test('survives an outage shorter than the lease without a new one', async () => {
    const { store, session, advance, bare } = await open();
    const { lease } = session;
    store.fail = () => 'before';
    await advance(2_500);
    store.fail = () => undefined;
    await advance(300);
    expect(session.lease).toBe(lease);
    expect((await bare.get('nodes/a'))?.version).toBe(1);
  });

  test('takes a new lease, and puts its record again, when the old one has ended', async () => {
    const { bare, session, advance } = await open();
    const lease = session.lease!;
    await bare.revokeLease(lease);
    await advance(1_300);
    expect(session.lease).not.toBe(lease);
    expect((await bare.get('nodes/a'))?.lease).toBe(session.lease);
  });

  test('a record that cannot be put costs no lease per attempt, and attaches nobody', async () => {
    const { store, session, advance, bare } = await open();
    await bare.revokeLease(session.lease!);
    let granted = 0;
    store.fail = (call) => {
      if (call === 'lease') granted++;
      return call === 'transaction' ? 'before' : undefined;
    };
    await advance(3_000);
    expect(session.lease).toBeUndefined();
    expect(granted).toBeLessThan(20);
    store.fail = () => undefined;
    await advance(500);
    expect((await bare.get('nodes/a'))?.lease).toBe(session.lease);
  });

  test('a gate that fails or hangs lets the lease run out; open again, a new one is taken', async () => {
    for (const fault of [
      () => Promise.reject(new Error('disk is gone')),
      () => new Promise<void>(() => undefined),
    ]) {
      let probe: () => Promise<void> = async () => undefined;
      let hangs: (() => void) | undefined;
      const gate = () => {
        const probed = probe();
        return Promise.race([probed, new Promise<void>((resolve) => (hangs = resolve))]);
      };
      const { bare, session, advance, events } = await open({ gate });
      probe = fault;
      await advance(7_000);
      expect(session.lease).toBeUndefined();
      expect(await bare.get('nodes/a')).toBeUndefined();
      expect(events()).toContain('data directory takes no writes: leaving the lease');
      probe = async () => undefined;
      hangs?.();
      await advance(1_500);
      expect((await bare.get('nodes/a'))?.lease).toBe(session.lease);
      expect(session.lease).toBeDefined();
    }
  });

  test('puts a record that somebody removed; tells when another process has its id', async () => {
    const { bare, session, advance, events } = await open();
    const map = (nodes: ReturnType<typeof makeNodeRecord>[]) => ({
      clusterUuid: 'c',
      version: 1,
      replicationFactor: 1,
      nodes: new Map(nodes.map((node) => [node.uuid, node])),
      shards: { tstore: [], kstore: [] },
    });
    await bare.transaction({ compare: [], onSuccess: [{ kind: 'delete', key: 'nodes/a' }] });
    session.observe(map([]));
    await advance(1_100);
    expect((await bare.get('nodes/a'))?.lease).toBe(session.lease);
    session.observe(map([makeNodeRecord('a', '', 2)]));
    expect(events()).toContain('another process has the id of this node');
  });

  test('says that it is about to stop; its end takes the record away at once', async () => {
    const { bare, session, env, advance } = await open();
    await env.scheduler.run(session.announceStop());
    expect(JSON.parse((await bare.get('nodes/a'))!.value)).toMatchObject({ isStopping: true });
    await env.scheduler.run(session.close());
    expect(await bare.get('nodes/a')).toBeUndefined();
    await advance(10_000);
    expect(await bare.get('nodes/a')).toBeUndefined();
    expect(session.isAttached(0)).toBe(false);
  });
});
