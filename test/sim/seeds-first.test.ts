/**
 * Goal: whatever goes wrong, replication keeps its invariants (docs/replication.md).
 * Method: seeded clusters of the real step functions in virtual time; half of the seeds here, half in seeds-second.
 * A seed that fails is printed with the end of its trace; `npm run sim -- --first <seed> --trace` runs it alone.
 */

import { expect, test } from 'vitest';
import { firstSeedOfToday } from './replication-seeds.ts';
import { describeFailure, runSeed } from './run-seed.ts';

const seedCount = 800;

test('no seed of today, first half, breaks an invariant', { timeout: 1_200_000 }, () => {
  const first = firstSeedOfToday();
  for (let seed = first; seed < first + seedCount; seed++) {
    const result = runSeed(seed);
    if (result.violations.length > 0) expect.fail(describeFailure(result));
  }
});
