/**
 * Goal: the simulation would notice. Method: each planted bug must be caught within a few hundred seeds, the rarest by a
 * schedule made by hand.
 */

import { expect, test } from 'vitest';
import { type PlantedBug, plantedBugs } from './planted-bugs.ts';
import { runSeed } from './run-seed.ts';
import { Scenario } from './scenario.ts';

/** The rarest by seeds is caught in 1 of 70. */
const seedsMax = 600;
const bySchedule: ReadonlySet<PlantedBug> = new Set(['nopromise', 'norebuild']);

const caughtBySeeds = plantedBugs.filter((bug) => !bySchedule.has(bug));

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

/** A disk that goes back to before a delete, after that was collected everywhere; returns what both replicas see. */
function bringDiskBack(bug: PlantedBug | undefined): (number | undefined)[] {
  const scenario = new Scenario({ replicaCount: 2, bug });
  const { primary, others } = scenario;
  const [other] = others as [typeof primary];
  const written = scenario.write(primary, 1, 'all');
  scenario.run(2_000);
  expect(written.reply?.isAcked).toBe(true);
  other.saveImage(other.machine!.versions);
  const { log, image, gcVersions, promised, isEmpty, reservedTo, record } = other.disk;
  const before = { log: [...log], image, gcVersions, promised, isEmpty, reservedTo, record };
  scenario.delete(primary, [0, 10], 'all');
  scenario.run(60_000);
  const stores = [primary.store, other.store];
  expect(stores.map(({ tombstones }) => tombstones.length)).toEqual([0, 0]);
  expect(primary.disk.log).toEqual([]);
  other.crash();
  Object.assign(other.disk, before);
  other.start();
  scenario.run(30_000);
  return [primary, other].map(({ store }) => store.see(1).op);
}

test('without a rebuild what was deleted comes back with an old disk, and is noticed', () => {
  const seen = bringDiskBack('norebuild');
  expect(new Set(seen).size).toBe(2);
});

test('with it the replica starts anew and nothing comes back', () => {
  expect(bringDiskBack(undefined)).toEqual([undefined, undefined]);
});
