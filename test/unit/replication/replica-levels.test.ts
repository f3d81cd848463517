/** Levels: what counts for an acknowledgement, and what never does. */

import { describe, expect, test } from 'vitest';
import type { WriteLevel } from '../../../src/replication/replica-events.ts';
import { MachineRig, makeRecord, makeStanding, only, ownOrigin, sent } from './machine-rig.ts';

const one = { [ownOrigin]: 1 };

function written(level: WriteLevel, rig = new MachineRig()): MachineRig {
  const effects = rig.write(1, level);
  expect(only(effects, 'append')).toHaveLength(1);
  return rig;
}

test('a sole replica answers when the entry is durable, and says nothing to anybody', () => {
  const rig = new MachineRig({ record: makeRecord({ replicas: ['a'] }) });
  for (const [i, level] of (['one', 'quorum', 'all', 'auto'] as const).entries()) {
    expect(rig.write(i, level).map(({ kind }) => kind)).toEqual(['append']);
    const [apply, answer] = rig.logged();
    expect(apply?.kind).toBe('apply');
    const levelReached = level === 'auto' ? 'one' : level;
    expect(answer).toMatchObject({ kind: 'answer', request: i, copies: 1, levelReached });
  }
  expect(only(rig.wait(3_000), 'send')).toEqual([]);
});

test('an entry leaves for the other replicas before it is durable here', () => {
  const rig = new MachineRig();
  const effects = rig.write(1, 'one');
  expect(sent(effects, 'b', 'push')).toHaveLength(1);
  expect(sent(effects, 'c', 'push')).toHaveLength(1);
  expect(only(effects, 'answer')).toEqual([]);
  expect(only(rig.logged(), 'answer')).toMatchObject([{ copies: 1, levelReached: 'one' }]);
});

test('a majority counts only with this replica durable too', () => {
  const rig = written('quorum');
  expect(only(rig.stand('b', one), 'answer')).toEqual([]);
  expect(only(rig.logged(), 'answer')).toMatchObject([{ copies: 2, levelReached: 'quorum' }]);
});

describe('an answer does not count', () => {
  test.each([
    ['of one that has promised a higher epoch', { promised: 2 }],
    ['of a leaving one', { isLeaving: true }],
    ['of an empty one', { phase: 'empty' }],
    ['of a rebuilding one', { phase: 'rebuilding' }],
  ] as const)('%s', (_, change) => {
    const rig = written('quorum');
    rig.logged();
    expect(only(rig.stand('b', one, change), 'answer')).toEqual([]);
    expect(only(rig.stand('c', one), 'answer')).toHaveLength(1);
  });

  test('without the primary of the record', () => {
    const rig = new MachineRig({ record: makeRecord({ primary: 'b' }) });
    rig.write(1, 'quorum', { isFallback: true });
    rig.logged();
    expect(only(rig.stand('c', one), 'answer')).toEqual([]);
    expect(only(rig.stand('b', one), 'answer')).toHaveLength(1);
  });

  test('when this replica itself has promised more than its record says', () => {
    const rig = written('quorum');
    rig.logged();
    rig.step({ kind: 'state-saved', promised: 5, isEmpty: false });
    expect(only(rig.stand('b', one), 'answer')).toEqual([]);
    // The record follows: what is here counts again.
    const effects = rig.map(makeRecord({ epoch: 5, version: 2 }));
    expect(only(effects, 'answer')).toHaveLength(1);
  });
});

test('an answer that came with too high a promise counts after the record has followed and it is given anew', () => {
  const rig = written('quorum');
  rig.logged();
  rig.stand('b', one, { promised: 2 });
  expect(only(rig.map(makeRecord({ epoch: 2, version: 2 })), 'answer')).toEqual([]);
  expect(only(rig.stand('b', one, { promised: 2 }), 'answer')).toHaveLength(1);
});

test('`all` waits for every configured replica', () => {
  const rig = written('all');
  rig.logged();
  expect(only(rig.stand('b', one), 'answer')).toEqual([]);
  expect(only(rig.stand('c', one), 'answer')).toMatchObject([{ copies: 3, levelReached: 'all' }]);
});

describe('`auto`', () => {
  const pair = makeRecord({ replicas: ['a', 'b'] });

  test('with two replicas means both', () => {
    const rig = written('auto', new MachineRig({ record: pair }));
    rig.logged();
    expect(only(rig.stand('b', one), 'answer')).toMatchObject([{ copies: 2, levelReached: 'all' }]);
  });

  test('goes on alone after half a second of silence, and says so', () => {
    const rig = new MachineRig({ record: pair });
    rig.stand('b', {});
    written('auto', rig);
    expect(only(rig.logged(), 'answer')).toEqual([]);
    expect(only(rig.wait(400), 'answer')).toEqual([]);
    expect(only(rig.wait(150), 'answer')).toMatchObject([{ copies: 1, levelReached: 'one' }]);
  });

  test('does not wait for one that is known to be down', () => {
    const rig = new MachineRig({ record: pair });
    rig.step({ kind: 'link', node: 'b', state: 'refused' });
    written('auto', rig);
    expect(only(rig.logged(), 'answer')).toMatchObject([{ copies: 1, levelReached: 'one' }]);
  });

  test('with three replicas is a majority, and less only when none comes together', () => {
    const rig = written('auto');
    rig.logged();
    expect(only(rig.stand('c', one), 'answer')).toMatchObject([{ levelReached: 'quorum' }]);
    const lonely = written('auto');
    lonely.logged();
    expect(only(lonely.wait(2_600), 'answer')).toMatchObject([{ levelReached: 'one' }]);
  });
});

test('a request whose caller has gone is not answered, and its entry stays', () => {
  const rig = written('quorum');
  rig.step({ kind: 'forget', request: 1 });
  expect(only(rig.logged(), 'apply')).toHaveLength(1);
  expect(only(rig.stand('b', one), 'answer')).toEqual([]);
});

describe('a retry', () => {
  test('under way waits for the same entry; a logged one waits for its level', () => {
    const rig = written('quorum');
    expect(rig.write(2, 'quorum', { id: 1 })).toEqual([]);
    rig.logged();
    expect(rig.write(3, 'all', { id: 1 })).toEqual([]);
    expect(only(rig.write(4, 'one', { id: 1 }), 'answer')).toMatchObject([{ sequence: 1 }]);
    const requests = only(rig.stand('b', one), 'answer').map(({ request }) => request);
    expect(requests).toEqual([1, 2]);
    expect(only(rig.stand('c', one), 'answer').map(({ request }) => request)).toEqual([3]);
  });

  test('of what another replica has accepted gets that entry', () => {
    const rig = new MachineRig();
    const entry = {
      origin: '00000000000000bb',
      sequence: 1,
      hlc: 5,
      epoch: 1,
      writeId: new Uint8Array(16).fill(9),
      frame: new Uint8Array(16),
    };
    rig.receive('b', { kind: 'push', entry });
    rig.logged();
    const { writeId, frame } = entry;
    const write = {
      request: 1,
      writeId,
      frame,
      checksum: 0,
      level: 'one',
      isFallback: false,
    } as const;
    expect(only(rig.step({ kind: 'write', write }), 'answer')).toMatchObject([
      { origin: entry.origin, sequence: 1 },
    ]);
  });
});

describe('a write is not taken', () => {
  test.each([
    ['by a replica that is not primary', { primary: 'b' }, 'redirect'],
    ['by a leaving one', { leaving: 'a' }, 'redirect'],
    ['by one that is not in the record', { primary: 'b', replicas: ['b', 'c'] }, 'redirect'],
    ['while the shard is new', { isNew: true }, 'unavailable'],
  ] as const)('%s', (_, change, code) => {
    const rig = new MachineRig({ record: makeRecord(change) });
    const effects = rig.write(1, 'one');
    expect(effects).toMatchObject([{ kind: 'refuse', code }]);
  });

  test('by an empty one, not as a fallback either', () => {
    const rig = new MachineRig({ isEmpty: true });
    expect(rig.write(1, 'one', { isFallback: true })).toMatchObject([{ code: 'redirect' }]);
  });

  test('by a node whose clock is off those of two others', () => {
    const rig = new MachineRig();
    const effects = rig.wait(100);
    for (const node of ['b', 'c']) {
      const id = sent(effects, node, 'pull')[0]?.id ?? 0;
      const head = { wallMs: rig.times.wallMs + 5_000 };
      rig.receive(node, { kind: 'pull-end', standing: makeStanding({}), id, reports: [] }, head);
    }
    rig.wait(50);
    expect(rig.write(1, 'one')).toMatchObject([{ kind: 'refuse', code: 'unavailable' }]);
  });
});
