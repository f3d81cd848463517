/**
 * The reference parser as a child process: a small Go program over the Debian package
 * `golang-github-influxdata-influxql-dev`. Needed to record answers and to compare at random, never
 * by `npm test`.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const goPath = '/usr/share/gocode';

/** What a query text parses to: its statements printed, or the error. */
export type ParseAnswer = { readonly printed: readonly string[] } | { readonly error: string };

export interface Oracle {
  /** One answer per text, in order; `undefined` where the reference itself crashed. */
  parse(texts: readonly string[]): (ParseAnswer | undefined)[];
  close(): void;
}

export function openOracle(): Oracle {
  const directory = mkdtempSync(join(tmpdir(), 'citadel-oracle-'));
  const binary = join(directory, 'oracle');
  const source = fileURLToPath(new URL('oracle/main.go', import.meta.url));
  execFileSync('go', ['build', '-o', binary, source], {
    cwd: directory,
    env: { ...process.env, GO111MODULE: 'off', GOPATH: goPath, GOFLAGS: '' },
  });
  return {
    parse: (texts) => runOracle(binary, texts),
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function runOracle(binary: string, texts: readonly string[]): (ParseAnswer | undefined)[] {
  const input = texts.map((text) => `${JSON.stringify(text)}\n`).join('');
  const { stdout } = spawnSync(binary, { input, maxBuffer: 1 << 30, encoding: 'utf8' });
  const lines = stdout.trimEnd().split('\n');
  if (lines.length !== texts.length) throw new Error(`${lines.length} answers to ${texts.length}`);
  return lines.map((line) => {
    const answer = JSON.parse(line) as ParseAnswer & { panic?: boolean };
    return answer.panic ? undefined : answer;
  });
}
