/**
 * Goal: a replica that stood still takes no local write, and answers no fresh read, before it has what the others had
 * meanwhile; when they are gone it goes on as it does without them. Method: the step function with a hand on its clock.
 */

import { expect, test } from 'vitest';
import type { ReplicaEffect } from '../../../src/replication/replica-events.ts';
import type { Versions } from '../../../src/replication/version-vector.ts';
import {
  idOf,
  MachineRig,
  makeFrame,
  makeRecord,
  makeStanding,
  only,
  sent,
} from './machine-rig.ts';

const origin = '00000000000000bb';
const pauseMs = 1_500;

/** The peer answers what it was asked. */
function answer(
  rig: MachineRig,
  peer: string,
  asked: readonly ReplicaEffect[],
  versions: Versions = {},
): void {
  const pulls = sent(asked, peer, 'pull');
  expect(pulls.length).toBeGreaterThan(0);
  for (const { id } of pulls) {
    rig.receive(peer, { kind: 'pull-end', standing: makeStanding(versions), id, reports: [] });
  }
}

/** A primary of three that has stood still; what it does when the first write comes. */
function pausedPrimary(): { rig: MachineRig; asked: readonly ReplicaEffect[] } {
  const rig = new MachineRig();
  rig.map(makeRecord());
  rig.wait(2_500);
  expect(only(rig.write(1, 'one'), 'append')).toHaveLength(1);
  rig.logged();
  rig.nowMs += pauseMs;
  const asked = rig.write(2, 'one');
  expect(only(asked, 'refuse')).toMatchObject([{ request: 2, code: 'redirect' }]);
  return { rig, asked };
}

test('a primary that stood still asks all the others before it takes a write', () => {
  const { rig, asked } = pausedPrimary();
  answer(rig, 'b', asked);
  expect(only(rig.write(2, 'one'), 'refuse')).toHaveLength(1);
  answer(rig, 'c', asked);
  expect(only(rig.write(2, 'one'), 'append')).toHaveLength(1);
});

test('it stands in for nobody either', () => {
  const { rig } = pausedPrimary();
  expect(only(rig.write(2, 'one', { isFallback: true }), 'refuse')).toHaveLength(1);
});

test('a write that another has taken meanwhile gets the entry it made there', () => {
  const { rig, asked } = pausedPrimary();
  answer(rig, 'c', asked);
  const entry = { origin, sequence: 1, hlc: 5, epoch: 1, writeId: idOf(2), frame: makeFrame(2) };
  rig.receive('b', { kind: 'entries', entries: [entry] });
  answer(rig, 'b', asked, { [origin]: 1 });
  expect(only(rig.write(2, 'one'), 'refuse')).toHaveLength(1);
  rig.logged();
  rig.wait(50);
  const effects = rig.write(2, 'one');
  expect(only(effects, 'append')).toEqual([]);
  expect(only(effects, 'answer')).toMatchObject([{ request: 2, origin, sequence: 1 }]);
});

test('an answer to a question from before the pause does not count', () => {
  const rig = new MachineRig();
  const asked = rig.wait(2_500).slice(-20);
  rig.nowMs += pauseMs;
  for (const peer of ['b', 'c']) answer(rig, peer, asked);
  expect(only(rig.write(1, 'one'), 'refuse')).toHaveLength(1);
});

test('what an empty one said before the pause, and was read after it, does not count', () => {
  const { rig, asked } = pausedPrimary();
  answer(rig, 'c', asked);
  const empty = { ...makeStanding({}), phase: 'empty' as const };
  rig.receive('b', { kind: 'standing', standing: empty });
  expect(only(rig.write(2, 'one'), 'refuse')).toHaveLength(1);
  for (const { id } of sent(asked, 'b', 'pull')) {
    rig.receive('b', { kind: 'pull-end', standing: empty, id, reports: [] });
  }
  expect(only(rig.write(2, 'one'), 'append')).toHaveLength(1);
});

test('it answers no read as a primary until then', () => {
  const { rig, asked } = pausedPrimary();
  expect(rig.machine.checkRead('primary', [], rig.times)?.kind).toBe('detached');
  expect(rig.machine.checkRead('one', [], rig.times)?.kind).toBe('stale');
  for (const peer of ['b', 'c']) answer(rig, peer, asked);
  rig.wait(50);
  expect(rig.machine.checkRead('primary', [], rig.times)).toBe(undefined);
  expect(rig.machine.checkRead('one', [], rig.times)).toBe(undefined);
});

test('when nobody answers it goes on after as long as `auto` waits', () => {
  const { rig } = pausedPrimary();
  rig.wait(450);
  expect(only(rig.write(2, 'one'), 'refuse')).toHaveLength(1);
  rig.wait(50);
  expect(only(rig.write(2, 'one'), 'append')).toHaveLength(1);
});

test('one that is heard and has more is waited for longer, not for ever', () => {
  const { rig, asked } = pausedPrimary();
  answer(rig, 'c', asked);
  answer(rig, 'b', asked, { [origin]: 1 });
  rig.wait(1_900);
  expect(only(rig.write(2, 'one'), 'refuse')).toHaveLength(1);
  rig.wait(100);
  expect(only(rig.write(2, 'one'), 'append')).toHaveLength(1);
});

test('a sole replica, whose shell asks for no ticks, goes on at once', () => {
  const rig = new MachineRig({ record: makeRecord({ replicas: ['a'] }) });
  rig.wait(100);
  rig.nowMs += 60_000;
  expect(only(rig.write(1, 'one'), 'append')).toHaveLength(1);
});
