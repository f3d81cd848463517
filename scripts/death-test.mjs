/**
 * `node scripts/death-test.mjs [points]`: the queries of death of `npm test` over many more points (default
 * ten million), two hundred heavy ones at once, and how soon queries end that are ended. Prints what
 * each took, the memory of the process, and the writes that went on.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
/** Each row has two fields. */
const rows = String(Math.ceil(Number(process.argv[2] ?? 10_000_000) / 2));
const settings = { DEATH_ROWS: rows, DEATH_AT_ONCE: '200', DEATH_REPORT: '1' };
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/chaos/death'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...settings } },
);
process.exitCode = status ?? 1;
