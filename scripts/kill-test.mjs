/**
 * `node scripts/kill-test.mjs [rounds]`: the kill -9 test of `npm test`, with many more rounds
 * (default 500). A seed that failed: TEST_KILL_SEED=n.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const rounds = process.argv[2] ?? '500';
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    'test/chaos/kill.test.ts',
    '-t',
    'kills under load',
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, TEST_KILL_ROUNDS: rounds } },
);
process.exitCode = status ?? 1;
