/**
 * `node scripts/backup-test.mjs [rows]`: the test of backups of `npm test` with more rows (default 200000, in three nodes
 * with two copies) and a restore into five nodes with three copies.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const settings = { RESTORE_ROWS: process.argv[2] ?? '200000', RESTORE_NODES: '5' };
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/cluster/backup.test.ts'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...settings } },
);
process.exitCode = status ?? 1;
