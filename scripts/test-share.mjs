/**
 * `node scripts/test-share.mjs PART [vitest arguments]`: the tests of one part by themselves, and how long they took.
 * Without a part: which there are. Every whole run of the tests says at its end how its time was spent on them.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';
import { filesOf, testParts } from './test-parts.mjs';

const [name, ...more] = process.argv.slice(2);
const part = testParts.find((one) => one.name === name);

function describe({ name: own, goalSeconds, about }) {
  const goal = goalSeconds === null ? '' : `${goalSeconds} s`;
  return `${own.padEnd(9)} ${goal.padStart(6)} ${String(filesOf(own).length).padStart(4)} files  ${about}`;
}

function run() {
  const files = filesOf(name);
  const startMs = performance.now();
  const { status } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...files, ...more],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  const goal = part.goalSeconds === null ? '' : ` (goal ${part.goalSeconds} s)`;
  console.log(`${name}: ${files.length} files in ${seconds} s${goal}`);
  process.exitCode = status ?? 1;
}

if (part === undefined) {
  console.log(testParts.map(describe).join('\n'));
  process.exitCode = name === undefined ? 0 : 1;
} else {
  setup();
  run();
}
