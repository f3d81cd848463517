/**
 * `npm run bench`: the table of ratios to InfluxDB (bench/ratios.bench.ts); `npm run bench -- NAME...`
 * runs bench/NAME.bench.ts with the arguments that follow the name; a name that is none lists them.
 * Runs under tsx, which reads TypeScript. Other files in bench/ are parts of benchmarks.
 */

import { existsSync, readdirSync } from 'node:fs';

const folder = new URL('../bench/', import.meta.url);
const [name = 'ratios', ...args] = process.argv.slice(2);
const ending = '.bench.ts';
const file = new URL(`${name}${ending}`, folder);

function listBenchmarks() {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((entry) => entry.endsWith(ending))
    .map((entry) => entry.slice(0, -ending.length));
}

if (!existsSync(file)) {
  console.log(
    `usage: npm run bench -- NAME [arguments]\nbenchmarks: ${listBenchmarks().join(' ')}`,
  );
  process.exitCode = 2;
} else {
  process.argv.splice(1, process.argv.length, file.pathname, ...args);
  let isDone = false;
  // Node ends when nothing is left that could wake it, whoever still waits.
  process.once('exit', () => {
    if (!isDone)
      console.log(
        `the benchmark ${name} ended before it was done: something waits for what never comes`,
      );
  });
  await import(file.href);
  isDone = true;
}
