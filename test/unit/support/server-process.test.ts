/** The helpers that start real processes: they must clean up and must report early exits. */

import { existsSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { influxdInstalled, startInfluxd } from '../../support/influxd-process.ts';
import { startServer, waitUntilReady } from '../../support/server-process.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';

const directory = makeTempDir('support');
afterAll(() => removeTempDir(directory));

test('an early exit is reported with the words of the server', async () => {
  const server = startServer(process.execPath, ['-e', 'console.error("no luck");process.exit(3)']);
  await expect(waitUntilReady(server, async () => false)).rejects.toThrow(/3.*no luck/);
  expect(await server.exited).toEqual({ code: 3, signal: null });
});

test('a server that ignores SIGTERM is killed', async () => {
  const code = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")';
  const server = startServer(process.execPath, ['-e', code]);
  await waitUntilReady(server, async () => server.stdout().includes('up'));
  expect(await server.stop('SIGTERM', 100)).toEqual({ code: null, signal: 'SIGKILL' });
  expect(server.running()).toBe(false);
});

test('a temporary directory exists until it is removed', () => {
  const path = makeTempDir('short');
  expect(existsSync(path)).toBe(true);
  removeTempDir(path);
  expect(existsSync(path)).toBe(false);
});

test.skipIf(!influxdInstalled)('a real influxd answers and stops', async () => {
  const influxd = await startInfluxd();
  const created = await influxd.request('/query', { q: 'CREATE DATABASE d' }, { method: 'POST' });
  expect(created.text()).toBe('{"results":[{"statement_id":0}]}\n');
  expect(await influxd.stop()).toEqual({ code: 0, signal: null });
});
