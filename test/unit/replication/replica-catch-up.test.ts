/** Catch-up: gaps, trimmed logs, rebuilds, what a start makes of a log with holes. */

import { describe, expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import type { PeerEntry, StabilityReport } from '../../../src/replication/peer-message.ts';
import type { Versions } from '../../../src/replication/version-vector.ts';
import {
  idOf,
  MachineRig,
  makeFrame,
  makeRecord,
  makeStanding,
  only,
  ownOrigin,
  sent,
} from './machine-rig.ts';

const other = '00000000000000bb';

function entryOf(sequence: number, change: Partial<PeerEntry> = {}): PeerEntry {
  const hlc = 100 + sequence;
  const writeId = idOf(100 + sequence);
  return { origin: other, sequence, hlc, epoch: 1, writeId, frame: makeFrame(sequence), ...change };
}

function pullFrom(versions: Versions, isUrgent = true) {
  const standing = makeStanding(versions);
  return {
    kind: 'pull',
    standing,
    received: {},
    isUrgent,
    prepare: 0,
    id: 7,
    reports: [],
  } as const;
}

/** With entries 1..count of its own, durable. */
function filled(count: number, rig = new MachineRig()): MachineRig {
  for (let i = 1; i <= count; i++) rig.write(i, 'one');
  rig.logged();
  return rig;
}

describe('a push', () => {
  test('is answered when it is durable, with what was pushed only', () => {
    const rig = new MachineRig();
    expect(only(rig.receive('b', { kind: 'push', entry: entryOf(1) }), 'append')).toHaveLength(1);
    rig.receive('b', { kind: 'push', entry: entryOf(2) });
    const effects = rig.logged();
    expect(only(effects, 'apply')).toHaveLength(2);
    const [standing] = sent(effects, 'b', 'standing');
    expect(standing?.standing).toMatchObject({ versions: { [other]: 2 }, isPartial: true });
    expect(sent(effects, 'c', 'standing')).toEqual([]);
  });

  test('behind a gap makes it pull, once', () => {
    const rig = new MachineRig();
    const effects = rig.receive('b', { kind: 'push', entry: entryOf(2) });
    expect(only(effects, 'append')).toEqual([]);
    expect(sent(effects, 'b', 'pull')).toMatchObject([{ isUrgent: true }]);
    expect(sent(rig.receive('b', { kind: 'push', entry: entryOf(3) }), 'b', 'pull')).toEqual([]);
  });

  test('behind a gap is taken as soon as the gap is filled', () => {
    const rig = new MachineRig();
    for (const sequence of [4, 3, 2]) rig.receive('b', { kind: 'push', entry: entryOf(sequence) });
    const effects = rig.receive('b', { kind: 'entries', entries: [entryOf(1)] });
    const appended = only(effects, 'append').map(({ entry }) => entry.sequence);
    expect(appended).toEqual([1, 2, 3, 4]);
    rig.logged();
    expect(rig.machine.versions).toEqual({ [other]: 4 });
  });

  test('behind a gap that its sender has given up meanwhile is lost', () => {
    const rig = new MachineRig();
    rig.receive('b', { kind: 'push', entry: entryOf(2) });
    const report: StabilityReport = {
      node: 'b',
      origin: '00000000000000cc',
      count: 1,
      versions: { [other]: 1 },
      floor: 1_000,
      recordVersion: 1,
      seen: {},
      isWaiting: false,
    };
    rig.receive('b', { ...pullFrom({}), reports: [report] });
    const effects = rig.receive('b', { kind: 'entries', entries: [entryOf(1)] });
    expect(only(effects, 'append').map(({ entry }) => entry.sequence)).toEqual([1]);
  });

  test('that came before is answered again and not appended again', () => {
    const rig = new MachineRig();
    rig.receive('b', { kind: 'push', entry: entryOf(1) });
    rig.logged();
    const effects = rig.receive('b', { kind: 'push', entry: entryOf(1) });
    expect(only(effects, 'append')).toEqual([]);
    expect(sent(effects, 'b', 'standing')).toHaveLength(1);
  });

  test('that its sender no longer counts is dropped like a lost message', () => {
    const rig = new MachineRig();
    const report: StabilityReport = {
      node: 'b',
      origin: '00000000000000b2',
      count: 1,
      versions: {},
      floor: 500,
      recordVersion: 1,
      seen: {},
      isWaiting: false,
    };
    rig.receive('b', { ...pullFrom({}), reports: [report] });
    const late = rig.receive('b', { kind: 'push', entry: entryOf(1, { hlc: 500 }) });
    expect(only(late, 'append')).toEqual([]);
    const entry = entryOf(1, { origin: '00000000000000b2', hlc: 501 });
    expect(only(rig.receive('b', { kind: 'push', entry }), 'append')).toHaveLength(1);
  });
});

describe('a pull', () => {
  test('is answered with what the puller lacks, in ranges, and an end', () => {
    const [effect] = only(filled(5).receive('b', pullFrom({ [ownOrigin]: 2 })), 'send-entries');
    expect(effect?.ranges).toEqual([{ origin: ownOrigin, from: 3, to: 5 }]);
    expect(effect?.last.body).toMatchObject({ kind: 'pull-end', id: 7 });
  });

  test('that is not urgent leaves out what is on its way', () => {
    const rig = filled(5);
    expect(only(rig.receive('b', pullFrom({}, false)), 'send-entries')).toEqual([]);
    rig.wait(700);
    expect(only(rig.receive('b', pullFrom({}, false)), 'send-entries')).toHaveLength(1);
  });

  test('leaves out what is on its way while it keeps arriving, and gives it when it does not', () => {
    const rig = filled(5);
    rig.wait(700);
    const given = (versions: Versions, isUrgent = false) =>
      only(rig.receive('b', pullFrom(versions, isUrgent)), 'send-entries').length;
    expect(given({ [ownOrigin]: 1 })).toBe(1);
    expect(given({ [ownOrigin]: 2 })).toBe(0);
    expect(given({ [ownOrigin]: 3 }, true)).toBe(1);
    expect(given({ [ownOrigin]: 3 })).toBe(1);
  });

  test('gives what was never pushed over this link, however fast it arrives', () => {
    const rig = filled(5);
    rig.wait(700);
    rig.step({ kind: 'link', node: 'b', state: 'silent' });
    rig.step({ kind: 'link', node: 'b', state: 'connected' });
    for (const has of [1, 2, 3]) {
      const effects = rig.receive('b', pullFrom({ [ownOrigin]: has }, false));
      expect(only(effects, 'send-entries')).toHaveLength(1);
    }
  });

  test('gets the offer of a snapshot when the log no longer has it', () => {
    const rig = filled(5);
    rig.step({ kind: 'trimmed', origin: ownOrigin, sequence: 3 });
    const effects = rig.receive('b', pullFrom({ [ownOrigin]: 2 }));
    expect(sent(effects, 'b', 'snapshot-offer')).toHaveLength(1);
    const enough = rig.receive('b', pullFrom({ [ownOrigin]: 3 }));
    expect(sent(enough, 'b', 'snapshot-offer')).toEqual([]);
    expect(only(enough, 'send-entries')).toHaveLength(1);
  });

  test('of one that misses what was collected makes it rebuild', () => {
    const rig = new MachineRig({ versions: { [other]: 4 }, gcVersions: { [other]: 3 } });
    expect(sent(rig.receive('b', pullFrom({ [other]: 2 })), 'b', 'rebuild')).toHaveLength(1);
    expect(sent(rig.receive('b', pullFrom({ [other]: 3 })), 'b', 'rebuild')).toEqual([]);
  });

  test('with a promise is answered when that is durable', () => {
    const rig = filled(1);
    const effects = rig.receive('b', { ...pullFrom({}), prepare: 4 });
    expect(only(effects, 'save-state')).toMatchObject([{ promised: 4 }]);
    expect(only(effects, 'send')).toEqual([]);
    const answered = rig.step({ kind: 'state-saved', promised: 4, isEmpty: false });
    const [end] = only(answered, 'send-entries');
    expect(end?.last.body).toMatchObject({
      standing: { promised: 4, versions: { [ownOrigin]: 1 } },
    });
  });
});

describe('a snapshot', () => {
  test('fills an empty replica, which says so only when that is durable', () => {
    const rig = new MachineRig({ isEmpty: true });
    const offered = rig.receive('b', { kind: 'snapshot-offer', standing: makeStanding({}) });
    expect(only(offered, 'fetch-snapshot')).toEqual([{ kind: 'fetch-snapshot', from: 'b' }]);
    const again = rig.receive('c', { kind: 'snapshot-offer', standing: makeStanding({}) });
    expect(only(again, 'fetch-snapshot')).toEqual([]);
    const merged = rig.step({
      kind: 'snapshot-merged',
      from: 'b',
      versions: { [other]: 9 },
      gcVersions: {},
      hlcMax: 77,
    });
    expect(only(merged, 'save-state')).toMatchObject([{ isEmpty: false }]);
    expect(rig.machine.phase).toBe('empty');
    rig.step({ kind: 'state-saved', promised: 0, isEmpty: false });
    expect(rig.machine.phase).toBe('catching-up');
    expect(rig.machine.versions).toEqual({ [other]: 9 });
  });

  test('cannot be passed on as entries: the log has none of them', () => {
    const rig = new MachineRig();
    rig.receive('b', { kind: 'push', entry: entryOf(1) });
    rig.logged();
    const versions = { [other]: 9 };
    rig.step({ kind: 'snapshot-merged', from: 'b', versions, gcVersions: {}, hlcMax: 77 });
    const effects = rig.receive('c', pullFrom({ [other]: 1 }));
    expect(sent(effects, 'c', 'snapshot-offer')).toHaveLength(1);
  });
});

describe('a replica that must start anew', () => {
  test('first gives what only it has, then asks for a new store', () => {
    const rig = filled(3);
    const gcVersions = { [other]: 1 };
    const rebuild = (versions: Versions) =>
      rig.receive('b', { kind: 'rebuild', standing: makeStanding(versions), gcVersions });
    expect(only(rebuild({ [ownOrigin]: 1 }), 'send-entries')).toMatchObject([
      { ranges: [{ origin: ownOrigin, from: 2, to: 3 }] },
    ]);
    expect(rig.machine.phase).toBe('rebuilding');
    expect(only(rebuild({ [ownOrigin]: 3 }), 'save-state')).toMatchObject([{ isEmpty: true }]);
    const saved = rig.step({ kind: 'state-saved', promised: 0, isEmpty: true });
    expect(only(saved, 'renew-store')).toHaveLength(1);
    rig.step({ kind: 'store-renewed', origin: '00000000000000cc', lsn: 0 });
    expect(rig.machine).toMatchObject({ phase: 'empty', versions: {}, lsn: 0 });
  });

  test('waits, with an alarm, when what only it has is no longer in its log', () => {
    const rig = filled(3);
    rig.step({ kind: 'trimmed', origin: ownOrigin, sequence: 3 });
    const gcVersions = { [other]: 1 };
    const verdict = { kind: 'rebuild', standing: makeStanding({}), gcVersions } as const;
    const effects = rig.receive('b', verdict);
    expect(only(effects, 'alarm')).toHaveLength(1);
    expect(only(effects, 'save-state')).toEqual([]);
    // Another one had it: now the peer has all of it.
    const standing = makeStanding({ [ownOrigin]: 3 });
    expect(only(rig.receive('b', { ...verdict, standing }), 'save-state')).toHaveLength(1);
  });

  test('goes on as it is when what was missing comes after all, and heeds no late verdict', () => {
    const rig = filled(3);
    const gcVersions = { [other]: 1 };
    const verdict = { kind: 'rebuild', standing: makeStanding({}), gcVersions } as const;
    rig.receive('b', verdict);
    expect(rig.machine.phase).toBe('rebuilding');
    const versions = { [other]: 4 };
    rig.step({ kind: 'snapshot-merged', from: 'c', versions, gcVersions: {}, hlcMax: 9 });
    rig.wait(50);
    expect(rig.machine.phase).not.toBe('rebuilding');
    expect(only(rig.receive('b', verdict), 'send-entries')).toEqual([]);
    expect(rig.machine.phase).not.toBe('rebuilding');
  });
});

describe('at a start', () => {
  test('the log serves only the last run without gaps that reaches what is counted', () => {
    const rig = new MachineRig({ versions: { [other]: 6 }, lsn: 4 });
    const replay = (sequence: number, lsn: number) =>
      rig.machine.replayed({ ...entryOf(sequence), shard: 0, lsn }, sequence, rig.nowMs);
    replay(1, 1);
    replay(2, 2);
    expect(sent(rig.receive('b', pullFrom({})), 'b', 'snapshot-offer')).toHaveLength(1);
    replay(6, 3);
    replay(7, 4);
    expect(rig.machine.versions).toEqual({ [other]: 7 });
    const effects = rig.receive('b', pullFrom({ [other]: 5 }));
    expect(only(effects, 'send-entries')).toMatchObject([
      { ranges: [{ origin: other, from: 6, to: 7 }] },
    ]);
    expect(sent(rig.receive('b', pullFrom({ [other]: 4 })), 'b', 'snapshot-offer')).toHaveLength(1);
  });

  test('a replica is active when it has had what a majority had; alone, after a while', () => {
    const rig = new MachineRig();
    expect(rig.machine.phase).toBe('catching-up');
    rig.wait(1_500);
    expect(rig.machine.phase).toBe('catching-up');
    rig.wait(1_000);
    expect(rig.machine.phase).toBe('active');
  });

  test('a new shard is claimed by its primary before anything else', () => {
    const rig = new MachineRig({ isEmpty: true, record: makeRecord({ isNew: true }) });
    rig.map(makeRecord({ isNew: true, version: 1 }));
    const [proposal] = only(rig.wait(50), 'propose');
    expect(proposal?.record).toMatchObject({ isNew: false, version: 2 });
    rig.map(makeRecord({ version: 2 }));
    const done = rig.step({ kind: 'proposed', id: proposal?.id ?? 0, result: 'done' });
    expect(only(done, 'save-state')).toMatchObject([{ isEmpty: false }]);
  });

  test('a replica without data stays empty when the record is not new and others may have data', () => {
    const rig = new MachineRig({ isEmpty: true });
    expect(only(rig.wait(10_000), 'save-state')).toEqual([]);
    rig.stand('b', {}, { phase: 'empty' });
    expect(only(rig.wait(50), 'save-state')).toEqual([]);
    rig.stand('b', {}, { phase: 'empty' });
    rig.stand('c', {}, { phase: 'empty' });
    expect(only(rig.wait(50), 'save-state')).toMatchObject([{ isEmpty: false }]);
  });
});

test('after an append that failed the origin ends, what waited is refused, and its entries are pulled again', () => {
  const rig = filled(1);
  rig.write(2, 'quorum');
  rig.receive('b', { kind: 'push', entry: entryOf(1) });
  const error = new CitadelError('disk-full', 'no space');
  const newOrigin = '00000000000000ad';
  const effects = rig.step({ kind: 'append-failed', error, newOrigin });
  expect(only(effects, 'refuse')).toMatchObject([{ request: 2, code: 'disk-full' }]);
  expect(rig.machine).toMatchObject({ lsn: 1, pendingCount: 0, versions: { [ownOrigin]: 1 } });
  const again = rig.receive('b', { kind: 'push', entry: entryOf(1) });
  expect(only(again, 'append')).toHaveLength(1);
  const [append] = only(rig.write(3, 'one'), 'append');
  expect(append?.entry).toMatchObject({ origin: newOrigin, sequence: 1, lsn: 3 });
});

test('the log gives up what every holder has, under pressure what one other has, else nothing for ten minutes', () => {
  const rig = filled(9);
  rig.stand('b', { [ownOrigin]: 7 });
  rig.stand('c', { [ownOrigin]: 4 });
  expect(rig.machine.trimVersions(false)).toEqual({ [ownOrigin]: 4 });
  expect(rig.machine.trimVersions(true)).toEqual({ [ownOrigin]: 7 });
  rig.wait(601_000);
  expect(rig.machine.trimVersions(true)).toEqual({ [ownOrigin]: 9 });
  expect(rig.machine.trimVersions(false)).toEqual({ [ownOrigin]: 4 });
});
