/**
 * `node scripts/compare-cluster.mjs`: every test that compares answers with InfluxDB, against three nodes with two copies: with
 * all of them, then with one node down. `npm test` runs them against a single node, and of a cluster the queries.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const tests = [
  'select/select',
  'select/packed',
  'statements',
  'http-surface',
  'line-protocol',
  'prometheus',
  'limits',
  'server-tables',
].map((name) => `test/conformance/${name}.test.ts`);

function compare(what) {
  process.stdout.write(`compare-cluster: ${what}\n`);
  const { status } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...tests],
    { cwd: root, stdio: 'inherit', env: { ...process.env, TEST_COMPARED: what } },
  );
  return status === 0;
}

const isGood = ['cluster', 'cluster-one-down'].map(compare).every(Boolean);
process.exitCode = isGood ? 0 : 1;
