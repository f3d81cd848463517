/**
 * `node scripts/register-test.mjs [rounds]`: the register run of `npm test` (keys at level quorum through kills, pauses and
 * partitions, checked for linearizability) with so many rounds over all faults (default 20).
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/chaos/register.test.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TEST_REGISTER_ROUNDS: process.argv[2] ?? '20' },
  },
);
process.exitCode = status ?? 1;
