/**
 * `node scripts/return-test.mjs [rounds]`: a node is away during deletes, drops and the collection of their tombstones, and
 * returns (default 3 rounds, a minute each).
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const rounds = process.argv[2] ?? '3';
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/cluster/return.test.ts'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, TEST_RETURN_ROUNDS: rounds } },
);
process.exitCode = status ?? 1;
