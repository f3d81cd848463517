/**
 * `node scripts/import-test.mjs [points]`: the import from a real InfluxDB of `npm test`, with many more points
 * (default 1,000,000).
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const points = process.argv[2] ?? '1000000';
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/clients/import-influx.test.ts'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, TEST_IMPORT_POINTS: points } },
);
process.exitCode = status ?? 1;
