/**
 * `node scripts/partition-test.mjs [minutes]`: the partitions of `npm test` and random ones after them, for
 * so many minutes (default 60), with two and three copies in turn. Each pass has a cluster of its own; the first
 * one that fails ends the run. A seed that failed: TEST_PARTITION_SEED=n.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const minutes = Number(process.argv[2] ?? 60);
const roundsPerPass = 10;
const started = Date.now();
const passedMinutes = () => (Date.now() - started) / 60_000;

function runPass(replicas) {
  const settings = {
    TEST_PARTITION_ROUNDS: String(roundsPerPass),
    TEST_PARTITION_REPLICAS: String(replicas),
    TEST_PARTITION_REPORT: '1',
  };
  const { status } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/chaos/partition.test.ts'],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...settings } },
  );
  return status === 0;
}

let passes = 0;
let isGood = true;
while (isGood && (passes === 0 || passedMinutes() < minutes)) {
  isGood = runPass(2 + (passes % 2));
  passes += 1;
  const soFar = `${passes} passes in ${passedMinutes().toFixed(1)} min`;
  process.stdout.write(`partition-test: ${soFar}${isGood ? '' : ', the last one failed'}\n`);
}
process.exitCode = isGood ? 0 : 1;
