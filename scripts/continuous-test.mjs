/**
 * `node scripts/continuous-test.mjs [rounds]`: the kill -9 tests of continuous queries in `npm test`, with
 * many more rounds (default 20), among them owners that are paused. A seed that failed: CONTINUOUS_SEED=n.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const rounds = process.argv[2] ?? '20';
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/cluster/continuous-queries.test.ts'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, CONTINUOUS_ROUNDS: rounds } },
);
process.exitCode = status ?? 1;
