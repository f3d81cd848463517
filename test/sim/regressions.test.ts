/**
 * Seeds that found something while replication was written, and what it was. The schedules drawn from them have changed
 * since; what each showed has a test of its own, named beside it.
 */

import { expect, test } from 'vitest';
import { describeFailure, runSeed } from './run-seed.ts';
import { Scenario } from './scenario.ts';

test.each([
  [8, 'stamps from the future after a crash: below'],
  [
    12_387,
    'an entry came after it counted as stable: replica-catch-up, a push that its sender no longer counts',
  ],
  [
    4_011_438,
    'a rebuild that was no longer needed never ended: replica-catch-up, heeds no late verdict',
  ],
  [4_014_957, 'the same, after entries were trimmed'],
  [
    3_075_626,
    'what an empty replica had sent before a pause ended the wait after it: pause-guard, answers alone count',
  ],
  [10_604, 'a node outside the record fetched a snapshot: only holders pull'],
])('seed %i: %s', { timeout: 600_000 }, (seed) => {
  const result = runSeed(seed);
  if (result.violations.length > 0) expect.fail(describeFailure(result));
});

test('a node that comes back after a crash gives no stamps from the future', () => {
  const scenario = new Scenario({ replicaCount: 3 });
  const { primary } = scenario;
  scenario.write(primary, 1, 'quorum');
  scenario.run(1_000);
  primary.crash();
  primary.restart();
  scenario.run(1_000);
  const before = scenario.write(primary, 2, 'one', true);
  scenario.run(1_100);
  const after = scenario.write(scenario.others[0]!, 2, 'one', true);
  scenario.run(500);
  expect(before.op.stamp!.hlc).toBeLessThan(after.op.stamp!.hlc);
  for (const { store } of scenario.cluster.nodes) expect(store.see(2).op).toBe(after.op.index);
});

test('an entry that was lost where it was made, and came late, is not taken', () => {
  const scenario = new Scenario({ replicaCount: 3 });
  const { cluster, primary, world } = scenario;
  const [late] = scenario.others as [typeof primary];
  // Its push takes 8 s, long after the sender has crashed without it and all has become stable.
  cluster.network.slowness = (from, to) => (from === primary.name && to === late.name ? 8_000 : 0);
  const others = scenario.others.filter((node) => node !== late);
  cluster.network.partition = (from, to) =>
    !others.some(({ name }) => from === primary.name && to === name);
  scenario.write(primary, 1, 'one');
  primary.disk.unsynced = [];
  primary.crash();
  primary.disk.log = primary.disk.log.filter(({ sequence }) => sequence < 1);
  cluster.network.partition = undefined;
  cluster.network.slowness = () => 0;
  primary.restart();
  scenario.run(1_000);
  const known = scenario.write(scenario.primary, 2, 'quorum');
  scenario.run(6_000);
  expect(late.machine!.stableHlc).toBeGreaterThanOrEqual(known.op.stamp!.hlc);
  scenario.run(4_000);
  expect(late.store.see(1).op).toBe(undefined);
  expect(world.violations).toEqual([]);
});
