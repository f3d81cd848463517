/**
 * `npm run bench`: lists the benchmarks; `npm run bench -- NAME...` runs bench/NAME.ts with the
 * arguments that follow the name. Runs under tsx, which reads TypeScript.
 */

import { existsSync, readdirSync } from 'node:fs';

const folder = new URL('../bench/', import.meta.url);
const [name, ...args] = process.argv.slice(2);
const file = new URL(`${name}.ts`, folder);

function listBenchmarks() {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((entry) => entry.endsWith('.ts'))
    .map((entry) => entry.slice(0, -'.ts'.length));
}

if (name === undefined || !existsSync(file)) {
  console.log(
    `usage: npm run bench -- NAME [arguments]\nbenchmarks: ${listBenchmarks().join(' ')}`,
  );
  process.exitCode = name === undefined ? 0 : 2;
} else {
  process.argv.splice(1, process.argv.length, file.pathname, ...args);
  await import(file.href);
}
