/**
 * Which servers and clients of scripts/test-packages.json are there. Where one cannot be installed its tests
 * are skipped and say so; in continuous integration a missing one is a failure, because a test that never
 * runs proves nothing.
 */

import { existsSync, readFileSync } from 'node:fs';

const packages = JSON.parse(
  readFileSync(new URL('../../scripts/test-packages.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, readonly string[]>>;

const folders = [
  ...(process.env.PATH ?? '').split(':'),
  '/usr/sbin',
  '/usr/bin',
  '/usr/local/bin',
].filter((folder) => folder !== '');

function isThere(program: string): boolean {
  if (program.startsWith('/')) return existsSync(program);
  return folders.some((folder) => existsSync(`${folder}/${program}`));
}

/** `describe.skipIf(!havePackages('victoria-metrics'))` @throws in continuous integration when one is missing */
export function havePackages(...names: readonly string[]): boolean {
  const missing = names.filter((name) => packages[name]?.every(isThere) !== true);
  if (missing.length === 0) return true;
  const line = `missing: apt-get install ${missing.join(' ')}`;
  if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(line);
  process.stderr.write(`skipped, ${line}\n`);
  return false;
}
