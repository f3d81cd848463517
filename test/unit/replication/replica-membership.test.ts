/** How a replica comes into its shard's record and out of it: what it proposes, and what it waits for. */

import { describe, expect, test } from 'vitest';
import type { ShardRecord } from '../../../src/model/cluster.ts';
import type { ReplicaEffect } from '../../../src/replication/replica-events.ts';
import type { Versions } from '../../../src/replication/version-vector.ts';
import { MachineRig, makeRecord, makeStanding, only, ownOrigin, sent } from './machine-rig.ts';

const other = '00000000000000bb';

/** Ticks; every pull of the replica is answered at once by those that have something to say. */
function converse(
  rig: MachineRig,
  forMs: number,
  peers: Readonly<Record<string, { versions: Versions; isLeaving?: boolean }>>,
): ReplicaEffect[] {
  const effects: ReplicaEffect[] = [];
  for (const endMs = rig.nowMs + forMs; rig.nowMs < endMs; ) {
    const now = rig.wait(50);
    effects.push(...now);
    for (const [node, { versions, isLeaving = false }] of Object.entries(peers)) {
      for (const { id } of sent(now, node, 'pull')) {
        const standing = makeStanding(versions, { isLeaving });
        const end = { kind: 'pull-end', standing, id, reports: [] } as const;
        effects.push(...rig.receive(node, end));
      }
    }
  }
  return effects;
}

function proposed(effects: readonly ReplicaEffect[]): ShardRecord[] {
  return only(effects, 'propose').map(({ record }) => record);
}

/** `a` is here; with entries 1..count of its own, durable. */
function memberWith(count: number, record: ShardRecord): MachineRig {
  const rig = new MachineRig();
  rig.map(makeRecord({ primary: 'b', version: 2 }));
  for (let i = 1; i <= count; i++) rig.write(i, 'one', { isFallback: true });
  rig.logged();
  rig.map(record, ['a', 'b', 'c']);
  return rig;
}

describe('a learner', () => {
  const record = makeRecord({ primary: 'b', replicas: ['b', 'c'], learner: 'a', version: 2 });

  function learnerWith(versions: Versions, live = ['a', 'b', 'c']): MachineRig {
    const rig = new MachineRig({ record, versions });
    rig.map({ ...record, version: 3 }, live);
    return rig;
  }

  test('becomes a member when it has what all members have', () => {
    const rig = learnerWith({ [other]: 5 });
    const answers = { b: { versions: { [other]: 5 } }, c: { versions: { [other]: 4 } } };
    expect(proposed(converse(rig, 1_000, answers))[0]).toMatchObject({
      replicas: ['b', 'c', 'a'],
      learner: undefined,
      version: 4,
    });
  });

  test('does not while it lacks what one of them has, or one alive does not answer', () => {
    const behind = { b: { versions: { [other]: 5 } }, c: { versions: { [other]: 6 } } };
    expect(proposed(converse(learnerWith({ [other]: 5 }), 3_000, behind))).toEqual([]);
    const silent = { b: { versions: { [other]: 5 } } };
    expect(proposed(converse(learnerWith({ [other]: 5 }), 3_000, silent))).toEqual([]);
  });

  test('does not wait for a member whose lease is gone, unless that is the primary', () => {
    const rig = learnerWith({ [other]: 5 }, ['a', 'b']);
    expect(proposed(converse(rig, 1_000, { b: { versions: { [other]: 5 } } }))).toHaveLength(1);
    const orphan = learnerWith({ [other]: 5 }, ['a', 'c']);
    expect(proposed(converse(orphan, 3_000, { c: { versions: { [other]: 5 } } }))).toEqual([]);
  });

  test('without data never does', () => {
    const rig = new MachineRig({ record, isEmpty: true });
    rig.map({ ...record, version: 3 }, ['a', 'b', 'c']);
    const answers = { b: { versions: {} }, c: { versions: {} } };
    expect(proposed(converse(rig, 3_000, answers))).toEqual([]);
  });
});

describe('a replica that leaves', () => {
  const record = makeRecord({ primary: 'b', leaving: 'a', version: 3 });
  const all = { [ownOrigin]: 2 };

  test('takes itself out when every other member has all it has', () => {
    const rig = memberWith(2, record);
    const some = { b: { versions: all }, c: { versions: { [ownOrigin]: 1 } } };
    expect(proposed(converse(rig, 2_000, some))).toEqual([]);
    const effects = converse(rig, 2_000, { b: { versions: all }, c: { versions: all } });
    expect(proposed(effects)[0]).toMatchObject({ replicas: ['b', 'c'], leaving: undefined });
  });

  test('takes no writes, and waits for one that is on its way to its log', () => {
    const rig = new MachineRig();
    rig.map(makeRecord({ primary: 'b', version: 2 }));
    rig.write(1, 'one', { isFallback: true });
    rig.map(record, ['a', 'b', 'c']);
    expect(only(rig.write(2, 'one', { isFallback: true }), 'refuse')).toHaveLength(1);
    const have = { [ownOrigin]: 1 };
    const answers = { b: { versions: have }, c: { versions: have } };
    expect(proposed(converse(rig, 2_000, answers))).toEqual([]);
    rig.logged();
    expect(proposed(converse(rig, 2_000, answers)).length).toBeGreaterThan(0);
  });

  test('stays while a member is silent, whatever it said before', () => {
    const rig = memberWith(2, makeRecord({ primary: 'b', version: 3 }));
    converse(rig, 1_000, { b: { versions: all }, c: { versions: all } });
    rig.nowMs += 5_000;
    rig.map({ ...record, version: 4 }, ['a', 'b', 'c']);
    expect(proposed(converse(rig, 5_000, { b: { versions: all } }))).toEqual([]);
  });

  test('stays as long as it is the primary', () => {
    const rig = memberWith(2, makeRecord({ primary: 'a', leaving: 'a', version: 3 }));
    const answers = { b: { versions: all }, c: { versions: all } };
    expect(proposed(converse(rig, 3_000, answers))).toEqual([]);
  });
});

describe('a replica that is in no record', () => {
  const record = makeRecord({ primary: 'b', replicas: ['b', 'c'], version: 3 });
  const all = { [ownOrigin]: 2 };

  test('gives members what only it has, and retires when they have it', () => {
    const rig = memberWith(2, record);
    const effects = converse(rig, 5_000, { b: { versions: all }, c: { versions: {} } });
    expect(only(effects, 'retire')).toEqual([]);
    const given = only(effects, 'send-entries').filter(({ to }) => to === 'c');
    expect(given[0]?.ranges).toEqual([{ origin: ownOrigin, from: 1, to: 2 }]);
    const later = converse(rig, 2_000, { b: { versions: all }, c: { versions: all } });
    expect(only(later, 'retire')).toHaveLength(1);
    expect(proposed([...effects, ...later])).toEqual([]);
  });

  test('keeps its files when deletes were completed while it was away', () => {
    const rig = memberWith(2, record);
    const standing = makeStanding({ [other]: 9 });
    const effects = rig.receive('b', { kind: 'rebuild', standing, gcVersions: { [other]: 8 } });
    expect(only(effects, 'alarm')).toHaveLength(1);
    const answers = { b: { versions: all }, c: { versions: all } };
    expect(only(converse(rig, 10_000, answers), 'retire')).toEqual([]);
  });

  test('is a member again when the record names it', () => {
    const rig = memberWith(2, record);
    rig.map(makeRecord({ primary: 'b', version: 4 }), ['a', 'b', 'c']);
    const answers = { b: { versions: all }, c: { versions: all } };
    expect(only(converse(rig, 10_000, answers), 'retire')).toEqual([]);
  });
});
