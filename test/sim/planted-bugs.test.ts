/**
 * Goal: the simulation would notice. Method: each planted bug must be caught within a few hundred seeds, the rarest by a
 * schedule made by hand.
 */

import { expect, test } from 'vitest';
import { type PlantedBug, plantedBugs } from './planted-bugs.ts';
import { runSeed } from './run-seed.ts';
import { Scenario } from './scenario.ts';

/** The rarest by seeds is caught in 1 of 30. */
const seedsMax = 600;
const bySchedule: PlantedBug = 'nopromise';

const caughtBySeeds = plantedBugs.filter((bug) => bug !== bySchedule);

test.each(caughtBySeeds)('planted bug %s is caught', { timeout: 1_200_000 }, (bug) => {
  for (let seed = 1; seed <= seedsMax; seed++) {
    if (runSeed(seed, { bug }).violations.length > 0) return;
  }
  expect.fail(`not caught in ${seedsMax} seeds`);
});

/** A write is acknowledged by a majority between a candidate's question and its transaction; returns what was violated. */
function slipWriteIn(bug: PlantedBug | undefined): readonly string[] {
  const scenario = new Scenario({ replicaCount: 3, bug });
  const { cluster, primary } = scenario;
  const [candidate, third] = scenario.others as [typeof primary, typeof primary];
  // The old primary and the candidate do not hear each other; the third hears both.
  cluster.network.partition = (from, to) => {
    const pair = new Set([from, to]);
    return !(pair.has(primary.name) && pair.has(candidate.name));
  };
  cluster.network.slowness = (from, to) => (from === candidate.name && to === 'etcd' ? 60 : 0);
  candidate.feed({ kind: 'promote' });
  scenario.run(35);
  const sent = scenario.write(primary, 1, 'quorum');
  scenario.run(120);
  expect(cluster.register.record.primary).toBe(candidate.name);
  const wasAcked = sent.reply?.isAcked === true;
  expect(wasAcked).toBe(bug !== undefined);
  expect(third.isUp).toBe(true);
  return scenario.world.violations;
}

test('without promises a write slips in between question and transaction, and is noticed', () => {
  expect(slipWriteIn('nopromise').join()).toContain('I9');
});

test('with promises it is not acknowledged, and nothing is violated', () => {
  expect(slipWriteIn(undefined)).toEqual([]);
});
