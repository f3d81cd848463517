/** The replica's step function: order of effects, retries, failed appends. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import type { Entry } from '../../../src/model/entry.ts';
import { HybridClock } from '../../../src/replication/hybrid-clock.ts';
import {
  type LocalWrite,
  type ReplicaEffect,
  ReplicaState,
} from '../../../src/replication/replica-state.ts';

const wallMs = 1_767_225_600_000;

function startReplica(lsn = 0): ReplicaState {
  const clock = new HybridClock(0);
  return new ReplicaState({ shard: 3, epoch: 1, origin: 'aa', lsn, versions: {}, clock });
}

function makeWrite(request: number, id = request, checksum = id): LocalWrite {
  const writeId = new Uint8Array(16).fill(id);
  return { request, writeId, frame: new Uint8Array(8), checksum, wallMs, monotonicMs: request };
}

function kinds(effects: readonly ReplicaEffect[]): string[] {
  return effects.map((effect) =>
    'request' in effect ? `${effect.kind} ${effect.request}` : effect.kind,
  );
}

function appended(effects: readonly ReplicaEffect[]): Entry {
  const [effect] = effects;
  if (effect?.kind !== 'append') throw new Error('nothing appended');
  return effect.entry;
}

describe('a write', () => {
  test('is appended, and applied and answered only when it is logged', () => {
    const replica = startReplica(41);
    const entry = appended(replica.write(makeWrite(1)));
    expect([entry.lsn, entry.origin, entry.sequence, entry.epoch]).toEqual([42, 'aa', 1, 1]);
    expect(replica.versions).toEqual({});
    expect(kinds(replica.logged(41))).toEqual([]);
    expect(kinds(replica.logged(42))).toEqual(['apply', 'answer 1']);
    expect(replica.versions).toEqual({ aa: 1 });
  });

  test('is stable only when nothing older is on its way', () => {
    const replica = startReplica();
    expect(replica.oldestPendingHlc).toBeUndefined();
    const first = appended(replica.write(makeWrite(1)));
    appended(replica.write(makeWrite(2)));
    expect(replica.oldestPendingHlc).toBe(first.hlc);
    replica.logged(2);
    expect(replica.oldestPendingHlc).toBeUndefined();
  });
});

describe('a retry', () => {
  test('of a write on its way waits for the same entry', () => {
    const replica = startReplica();
    replica.write(makeWrite(1, 7));
    expect(replica.write(makeWrite(2, 7))).toEqual([]);
    expect(kinds(replica.logged(1))).toEqual(['apply', 'answer 1', 'answer 2']);
  });

  test('of a logged write gets the same origin and sequence', () => {
    const replica = startReplica();
    replica.write(makeWrite(1, 7));
    replica.logged(1);
    expect(replica.write(makeWrite(2, 7))).toEqual([
      { kind: 'answer', request: 2, origin: 'aa', sequence: 1 },
    ]);
  });

  test('with other content is another write', () => {
    const replica = startReplica();
    replica.write(makeWrite(1, 7, 100));
    expect(appended(replica.write(makeWrite(2, 7, 200))).sequence).toBe(2);
  });

  test('is known after a restart that replayed the entry', () => {
    const before = startReplica();
    const entry = appended(before.write(makeWrite(1, 7, 99)));
    const after = startReplica();
    after.replayed(entry, 99, 0);
    expect(kinds(after.write(makeWrite(5, 7, 99)))).toEqual(['answer 5']);
    expect(after.lsn).toBe(1);
    expect(after.versions).toEqual({ aa: 1 });
  });
});

describe('an append that failed', () => {
  test('refuses all that was pending, ends the origin and gives the lsns again', () => {
    const replica = startReplica();
    replica.write(makeWrite(1));
    replica.logged(1);
    replica.write(makeWrite(2, 2));
    replica.write(makeWrite(3, 3));
    replica.write(makeWrite(4, 3));
    const effects = replica.appendFailed(new CitadelError('disk-full', 'no room'), 'bb');
    expect(kinds(effects)).toEqual(['refuse 2', 'refuse 3', 'refuse 4']);
    const again = appended(replica.write(makeWrite(5, 2)));
    expect([again.origin, again.sequence, again.lsn]).toEqual(['bb', 1, 2]);
  });
});

// Goal: (origin, sequence) has one content for ever, lsns are dense, stamps ascend, every request is
// settled at most once and only after its entry was logged. Method: random events against plain lists.
test('any history keeps the rules', () => {
  const event = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('write' as const), id: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('logged' as const), part: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'failed' as const }) },
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const replica = startReplica();
      const contents = new Map<string, number>();
      const settled = new Set<number>();
      let applied = 0;
      let lastHlc = 0;
      let origins = 0;
      const take = (effects: readonly ReplicaEffect[]) => {
        for (const effect of effects) {
          if (effect.kind === 'append') {
            const { origin, sequence, hlc, writeId } = effect.entry;
            expect(contents.has(`${origin}/${sequence}`)).toBe(false);
            contents.set(`${origin}/${sequence}`, writeId[0]!);
            expect(hlc).toBeGreaterThan(lastHlc);
            lastHlc = hlc;
          } else if (effect.kind === 'apply') {
            expect(effect.entry.lsn).toBe(applied + 1);
            applied++;
          } else if (effect.kind === 'answer' || effect.kind === 'refuse') {
            expect(settled.has(effect.request)).toBe(false);
            settled.add(effect.request);
          }
        }
      };
      events.forEach((one, request) => {
        if (one.kind === 'write') take(replica.write(makeWrite(request, one.id)));
        else if (one.kind === 'logged')
          take(replica.logged(Math.min(replica.lsn, applied + one.part)));
        else take(replica.appendFailed(new CitadelError('unavailable', 'x'), `o${origins++}`));
        expect(replica.lsn - replica.pendingCount).toBe(applied);
      });
      take(replica.logged(replica.lsn));
      const writes = events.filter(({ kind }) => kind === 'write').length;
      expect(settled.size).toBe(writes);
    }),
  );
});
