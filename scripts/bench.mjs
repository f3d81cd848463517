/**
 * `npm run bench`: lists the benchmarks; `npm run bench -- NAME...` runs bench/NAME.ts with the
 * arguments that follow the name.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [name, ...args] = process.argv.slice(2);
const file = `bench/${name}.ts`;

function listBenchmarks() {
  if (!existsSync(`${root}/bench`)) return [];
  return readdirSync(`${root}/bench`)
    .filter((entry) => entry.endsWith('.ts'))
    .map((entry) => entry.slice(0, -'.ts'.length));
}

if (name === undefined || !existsSync(`${root}/${file}`)) {
  console.log(
    `usage: npm run bench -- NAME [arguments]\nbenchmarks: ${listBenchmarks().join(' ')}`,
  );
  process.exitCode = name === undefined ? 0 : 2;
} else {
  const { status } = spawnSync('npx', ['tsx', file, ...args], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
