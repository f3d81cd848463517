/** The other half of seeds-first, and that a seed is the same run every time. */

import { expect, test } from 'vitest';
import { firstSeedOfToday } from './replication-seeds.ts';
import { describeFailure, runSeed } from './run-seed.ts';

const seedCount = 800;
const sameCount = 10;

test('no seed of today, second half, breaks an invariant', { timeout: 1_200_000 }, () => {
  const first = firstSeedOfToday() + seedCount;
  for (let seed = first; seed < first + seedCount; seed++) {
    const result = runSeed(seed);
    if (result.violations.length > 0) expect.fail(describeFailure(result));
  }
});

test('the same seed gives the same trace', { timeout: 600_000 }, () => {
  const hashes = new Set<number>();
  for (let seed = 1; seed <= sameCount; seed++) {
    const once = runSeed(seed, { isTracing: true });
    const again = runSeed(seed, { isTracing: true });
    expect(again.traceHash).toBe(once.traceHash);
    expect(again.trace).toEqual(once.trace);
    expect(again.stats).toEqual(once.stats);
    hashes.add(once.traceHash);
  }
  expect(hashes.size).toBe(sameCount);
});
