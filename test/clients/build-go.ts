/**
 * Programs in Go, compiled against the libraries that Debian packages bring: no module is fetched, and what
 * was compiled before is kept.
 */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './run-program.ts';

const cache = fileURLToPath(new URL('../../node_modules/.cache/citadel-go/', import.meta.url));
const sources = fileURLToPath(new URL('programs/', import.meta.url));

/** Path of the executable of `programs/<name>.go`. */
export async function buildGo(name: string, directory: string): Promise<string> {
  const target = join(directory, name);
  const env = {
    GO111MODULE: 'off',
    GOPATH: '/usr/share/gocode',
    GOTOOLCHAIN: 'local',
    GOCACHE: cache,
  };
  const args = ['build', '-o', target, `${sources}${name}.go`];
  const { status, stderr } = await runProgram('go', args, { env });
  if (status !== 0) throw new Error(`cannot compile ${name}.go: ${stderr.slice(-2000)}`);
  return target;
}
