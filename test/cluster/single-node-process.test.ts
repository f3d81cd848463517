/**
 * One real server process: how it starts, stops, refuses and recovers, seen from outside.
 *
 * Method: the built command on a free port with its own data directory; signals as a system sends
 * them.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import {
  type CitadelOptions,
  type CitadelProcess,
  startCitadel,
} from '../support/citadel-process.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const citadel = fileURLToPath(new URL('../../bin/citadel', import.meta.url));
const checker = fileURLToPath(new URL('../../bin/ctchecker', import.meta.url));
const started: CitadelProcess[] = [];

afterEach(async () => {
  for (const server of started.splice(0)) await server.cleanUp();
});

async function start(options: CitadelOptions = {}): Promise<CitadelProcess> {
  const server = await startCitadel(options);
  started.push(server);
  return server;
}

function run(command: string, args: readonly string[], cwd = '/') {
  // A server that starts where it should refuse must fail the test, not hang it.
  const options = { cwd, encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' } as const;
  return spawnSync(process.execPath, [command, ...args], options);
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s stops it cleanly within seconds', async (signal) => {
  const server = await start();
  const before = performance.now();
  process.kill(server.pid, signal);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - before).toBeLessThan(5_000);
});

test('a wrong flag is one line and status 2', () => {
  const { status, stderr } = run(citadel, ['-htpp', ':1']);
  expect(stderr).toBe('citadel: unknown flag -htpp; did you mean -http?\n');
  expect(status).toBe(2);
});

test('a port in use is one line and status 1', async () => {
  const server = await start();
  const args = ['-db', makeTempDir('second'), '-http', `127.0.0.1:${server.port}`];
  const { status, stderr } = run(citadel, [...args, '-log-level', 'error']);
  expect(stderr).toMatch(/^citadel: [^\n]+\n$/);
  expect(status).toBe(1);
});

test('a data directory in use is refused with one line, the first server goes on', async () => {
  const server = await start();
  const args = ['-db', server.dataDir, '-http', '127.0.0.1:0', '-log-level', 'error'];
  const { status, stderr } = run(citadel, args);
  expect(stderr).toMatch(/^citadel: [^\n]+\n$/);
  expect(status).toBe(1);
  expect((await server.request('/ping')).status).toBe(204);
});

test('the command works through a link and from any directory', () => {
  const directory = mkdtempSync(join(makeTempDir('link'), 'bin-'));
  const link = join(directory, 'citadel');
  symlinkSync(citadel, link);
  const { status, stdout } = run(link, ['--version'], directory);
  expect(stdout).toMatch(/^citadel \d+\.\d+\.\d+ \(node v/);
  expect(status).toBe(0);
});

test('what the checker got acknowledged survives a kill', async () => {
  const server = await start();
  const directory = makeTempDir('journal');
  const size = ['-tstore', '-count', '200', '-series', '20', '-url', server.url];
  const written = run(checker, ['-write', ...size, '-rate', '20000'], directory);
  expect(written.stdout).toContain('4000 acknowledged, 0 not acknowledged');
  await server.kill();
  await server.restart();
  const checked = run(checker, ['-check', ...size], directory);
  expect(checked.stdout).toContain('0 missing (0 of them acknowledged), 0 wrong, 0 duplicate');
  expect(checked.status).toBe(0);
});
