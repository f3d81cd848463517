/**
 * `npm test`: setup, test servers, static checks, tests; fails if any of them fails.
 *
 * Arguments after `--` go to vitest (`npm test -- test/unit`).
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { installServers } from './install-servers.mjs';
import { root, setup } from './setup.mjs';

/** Colours only for people: a log file is read better without. */
const env = process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: '1' };

function run(args) {
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status === 0;
}

setup();
installServers();
const clean = run([join(root, 'scripts/check.mjs')]);
const green = run([
  join(root, 'node_modules/vitest/vitest.mjs'),
  'run',
  '--passWithNoTests',
  ...process.argv.slice(2),
]);
if (!clean) console.log('npm test: the static checks failed, see above (npm run check)');
process.exitCode = clean && green ? 0 : 1;
