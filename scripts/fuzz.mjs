/**
 * `node scripts/fuzz.mjs [count]`: the fuzzing of `npm test`, with many more queries and bodies (default
 * 50000 each). Prints what the process held before and after. A seed that failed: FUZZ_SEED=n.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup();
const count = process.argv[2] ?? '50000';
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/chaos/fuzz.test.ts'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, FUZZ_COUNT: count } },
);
process.exitCode = status ?? 1;
