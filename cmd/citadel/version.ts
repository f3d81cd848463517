/** The version in package.json, found from the source tree and from dist/ alike. */

import { existsSync, readFileSync } from 'node:fs';

const levelsMax = 5;

export function readVersion(): string {
  let directory = new URL('./', import.meta.url);
  for (let level = 0; level < levelsMax; level++) {
    const file = new URL('package.json', directory);
    if (existsSync(file))
      return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
    directory = new URL('../', directory);
  }
  return 'unknown';
}
