/**
 * Goal: replication goes on when parts are gone (I10), and says what it could not do.
 * Method: schedules made by hand, in virtual time; the simulated lease is 3 s.
 */

import { describe, expect, test } from 'vitest';
import { Scenario, type SentWrite } from './scenario.ts';
import type { SimNode } from './sim-node.ts';

function answerOf({ reply }: SentWrite) {
  return reply?.effect.kind === 'answer' ? reply.effect : undefined;
}

/** Tries again every 100 ms, as a broker does; ms until it was acknowledged. */
function writeUntilAcked(
  scenario: Scenario,
  sent: SentWrite,
  choose: () => SimNode,
  isFallback: boolean,
): number {
  const { world } = scenario;
  const startMs = world.now;
  while (sent.op.ackedMs === undefined && world.now < startMs + 30_000) {
    scenario.run(100);
    if (sent.op.ackedMs === undefined) scenario.retry(sent, choose(), isFallback);
  }
  return world.now - startMs;
}

describe.each([2, 3])('with %i replicas', (replicaCount) => {
  test('a calm cluster acknowledges every level at once, on as many copies as it says', () => {
    const scenario = new Scenario({ replicaCount });
    for (const level of ['one', 'quorum', 'all', 'auto'] as const) {
      const sent = scenario.write(scenario.primary, 1, level);
      scenario.run(50);
      const answer = answerOf(sent);
      const all = level === 'auto' && replicaCount === 2;
      const auto = all ? 'all' : 'quorum';
      expect(answer?.levelReached).toBe(level === 'auto' ? auto : level);
      expect(answer?.copies).toBeGreaterThanOrEqual(level === 'one' ? 1 : 2);
    }
    expect(scenario.world.violations).toEqual([]);
  });

  test('after a kill of the primary `one` goes on at another replica, `quorum` at the next primary', () => {
    const scenario = new Scenario({ replicaCount });
    const { primary } = scenario;
    primary.crash();
    const one = scenario.write(scenario.others[0]!, 1, 'one', true);
    scenario.run(50);
    expect(answerOf(one)?.levelReached).toBe('one');
    if (replicaCount === 2) return;
    const quorum = scenario.write(scenario.others[0]!, 2, 'quorum');
    const choose = () => scenario.primary;
    expect(writeUntilAcked(scenario, quorum, choose, false)).toBeLessThanOrEqual(5_000);
    expect(scenario.primary).not.toBe(primary);
    expect(scenario.world.violations).toEqual([]);
  });

  test('a primary that is cut off is replaced, and acknowledges nothing by a majority any more', () => {
    const scenario = new Scenario({ replicaCount });
    const { primary } = scenario;
    scenario.cutOff([primary.name]);
    scenario.run(6_000);
    expect(scenario.primary).not.toBe(primary);
    const old = scenario.write(primary, 1, 'quorum');
    const lonely = scenario.write(primary, 2, 'one');
    scenario.run(2_000);
    expect(old.reply).toBe(undefined);
    expect(answerOf(lonely)?.copies).toBe(1);
    expect(primary.readNow(1, 'primary', [])).toBe(undefined);
    scenario.cluster.network.partition = undefined;
    scenario.run(2_000);
    // What it kept to itself has spread, and now counts.
    expect(old.op.ackedMs).toBeDefined();
    expect(scenario.primary.store.see(1).op).toBe(old.op.index);
    expect(scenario.world.violations).toEqual([]);
  });

  test('`auto` says what it reached when the others are gone', () => {
    const scenario = new Scenario({ replicaCount });
    for (const other of scenario.others) other.crash();
    const sent = scenario.write(scenario.primary, 1, 'auto');
    scenario.run(2_700);
    expect(answerOf(sent)).toMatchObject({ levelReached: 'one', copies: 1 });
    expect(scenario.world.violations).toEqual([]);
  });
});

test('quorum reads need a majority after the read; reads at one say when they are behind', () => {
  const scenario = new Scenario({ replicaCount: 3 });
  const { primary } = scenario;
  const refusals: (string | undefined)[] = [];
  primary.confirmRead((refusal) => refusals.push(refusal));
  scenario.run(100);
  expect(refusals).toEqual([undefined]);
  scenario.cutOff([primary.name]);
  primary.confirmRead((refusal) => refusals.push(refusal));
  scenario.run(4_000);
  expect(refusals[1]).toBeDefined();
  const times = primary.times;
  expect(primary.machine?.checkRead('one', [], times)?.kind).toBe('stale');
  const mark = { origin: 'ffffffffffffffff', sequence: 1 };
  const [other] = scenario.others.filter((node) => node !== primary);
  expect(other?.machine?.checkRead('one', [mark], times)?.kind).toBe('behind');
  expect(other?.machine?.checkRead('quorum', [], times)?.kind).toBe('not-primary');
});

test('a wiped replica is filled by a snapshot while writes go on', () => {
  const scenario = new Scenario({ replicaCount: 3, plan: { pressure: true } });
  const [wiped] = scenario.others as [SimNode, SimNode];
  for (let cell = 0; cell < 30; cell++) scenario.write(scenario.primary, cell, 'quorum');
  scenario.run(4_000);
  wiped.crash();
  wiped.disk.wipe();
  wiped.restart();
  for (let cell = 30; cell < 60; cell++) {
    scenario.write(scenario.primary, cell, 'quorum');
    scenario.run(20);
  }
  scenario.run(2_000);
  expect(wiped.machine?.phase).toBe('active');
  expect(wiped.store.digest()).toBe(scenario.primary.store.digest());
  expect(wiped.store.cells.size).toBe(60);
  expect(scenario.world.violations).toEqual([]);
});

test('a primary that lost its disk is replaced at once, and comes back as a replica', () => {
  const scenario = new Scenario({ replicaCount: 3 });
  const { primary } = scenario;
  const sent = scenario.write(primary, 1, 'quorum');
  scenario.run(50);
  expect(sent.op.ackedMs).toBeDefined();
  primary.crash();
  primary.disk.wipe();
  primary.restart();
  scenario.run(1_500);
  expect(scenario.primary).not.toBe(primary);
  expect(scenario.primary.store.see(1).op).toBe(sent.op.index);
  scenario.run(1_000);
  expect(primary.machine?.phase).toBe('active');
  expect(scenario.world.violations).toEqual([]);
});

test('while the metadata store is away writes go on, nobody is promoted, and promises do not pile up', () => {
  const scenario = new Scenario({ replicaCount: 3 });
  const { primary, cluster } = scenario;
  const { epoch } = cluster.register.record;
  cluster.register.goDown(60_000);
  scenario.run(20_000);
  const sent = scenario.write(primary, 1, 'quorum');
  scenario.run(50);
  expect(answerOf(sent)?.levelReached).toBe('quorum');
  expect(cluster.register.record.epoch).toBe(epoch);
  for (const { machine } of cluster.nodes) expect(machine?.promised).toBeLessThanOrEqual(epoch);
  expect(scenario.world.violations).toEqual([]);
});

test('a hand-over takes under 300 ms, and the old primary goes on as a replica', () => {
  const scenario = new Scenario({ replicaCount: 3 });
  const [next] = scenario.others as [SimNode, SimNode];
  next.feed({ kind: 'promote' });
  scenario.run(300);
  expect(scenario.primary).toBe(next);
  const sent = scenario.write(next, 1, 'all');
  scenario.run(60);
  expect(answerOf(sent)?.copies).toBe(3);
  expect(scenario.world.violations).toEqual([]);
});

test.each([
  2, 3,
])('of %i replicas one that wakes alone writes on as soon as `auto` would', (count) => {
  const scenario = new Scenario({ replicaCount: count });
  const { primary, others, world } = scenario;
  primary.pause(5_000);
  for (const other of others) other.crash();
  scenario.run(5_000);
  const sent = scenario.write(primary, 1, 'auto');
  const waitedMs = writeUntilAcked(scenario, sent, () => primary, false);
  expect(answerOf(sent)).toMatchObject({ levelReached: 'one', copies: 1 });
  expect(waitedMs).toBeLessThanOrEqual(1_200);
  expect(world.violations).toEqual([]);
});
