/**
 * `node scripts/rot-test.mjs [rounds] [seed] [alone|cluster] [seconds]`: flipped bits in files of a single node and of a cluster with
 * two copies, as in `npm test`, with many more rounds (default 100). Without a seed one is made up; a failure names it.
 *
 * A round of a single node is one flip, in log, chunk, catalog and any file in turn; one of a cluster is three flips or more in
 * files of each kind. Runs with other seeds add up: each ends with a line that says what it did. No round begins after
 * `seconds` of either test.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const [rounds = '100', seed, part, seconds] = process.argv.slice(2);
const files = { alone: 'test/chaos/rot.test.ts', cluster: 'test/chaos/rot-cluster.test.ts' };
const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...(part in files ? [files[part]] : Object.values(files)),
    '--fileParallelism=false',
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      TEST_ROT_ROUNDS: rounds,
      TEST_ROT_CLUSTER_ROUNDS: rounds,
      ...(seed && { TEST_ROT_SEED: seed }),
      ...(seconds && { TEST_ROT_SECONDS: seconds }),
    },
  },
);
process.exitCode = status ?? 1;
