/**
 * The parts that the tests are counted in: scripts/test-parts.json says what each is about, how long it may
 * take by itself, and where its files begin. A file belongs to the part with the longest matching beginning.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export const testParts = JSON.parse(
  readFileSync(new URL('./test-parts.json', import.meta.url), 'utf8'),
);

/** Name of the part of a test file, given relative to the root. */
export function partOf(path) {
  const matches = testParts.flatMap(({ name, paths }) =>
    paths.filter((start) => path.startsWith(start)).map((start) => ({ name, size: start.length })),
  );
  return matches.sort((a, b) => b.size - a.size)[0]?.name;
}

/** Paths of the test files of a part, sorted. */
export function filesOf(name) {
  return readdirSync(`${root}test`, { recursive: true })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `test/${path.replaceAll('\\', '/')}`)
    .filter((path) => partOf(path) === name)
    .sort();
}
