/**
 * `node scripts/fault-test.mjs [minutes]`: the checker run of `npm test` (kills, pauses, stops and etcd
 * restarts under load), for so many minutes (default 60). Each pass starts a cluster of its own, writes
 * through a few rounds of faults and reads everything back; the first pass that fails ends the run.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const minutes = Number(process.argv[2] ?? 60);
const roundsPerPass = 5;
const started = Date.now();
const passedMinutes = () => (Date.now() - started) / 60_000;

function runPass() {
  const { status } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/chaos/cluster-faults.test.ts'],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        TEST_FAULT_ROUNDS: String(roundsPerPass),
        TEST_FAULT_PAUSE_MS: '15000',
        TEST_FAULT_REPORT: '1',
      },
    },
  );
  return status === 0;
}

let passes = 0;
let isGood = true;
while (isGood && (passes === 0 || passedMinutes() < minutes)) {
  isGood = runPass();
  passes += 1;
  const soFar = `${passes} passes of ${roundsPerPass} rounds in ${passedMinutes().toFixed(1)} min`;
  process.stdout.write(`fault-test: ${soFar}${isGood ? '' : ', the last one failed'}\n`);
}
process.exitCode = isGood ? 0 : 1;
