/**
 * `node scripts/subscription-test.mjs [points] [kills]`: the kill -9 test of subscriptions of `npm test`, with
 * many more points and kills (default 100000 and 20, in turn of the server and of the destination).
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const [points = '100000', kills = '20'] = process.argv.slice(2);
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/chaos/subscription-kill.test.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      TEST_SUBSCRIPTION_POINTS: points,
      TEST_SUBSCRIPTION_KILLS: kills,
    },
  },
);
process.exitCode = status ?? 1;
