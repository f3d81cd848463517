/**
 * `node scripts/power-cut.mjs [rounds]`: the power cuts of `npm test`, many more of them (default 100 of
 * each kind: a single node, one of three nodes, all three at once), telling what each cut left un-synced.
 * A seed that failed: TEST_POWER_SEED=n.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const settings = { TEST_POWER_ROUNDS: process.argv[2] ?? '100', TEST_POWER_REPORT: '1' };
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/chaos/power-cut'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...settings } },
);
process.exitCode = status ?? 1;
