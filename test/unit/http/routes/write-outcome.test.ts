/**
 * What clients that repeat writes rely on, on every way in over HTTP: Telegraf and Prometheus drop a batch on 4xx and
 * come again on 5xx, so a passing failure is never a 4xx; and the `influx` shell, which always asks for all copies, gets
 * the default level.
 */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import type { Log } from '../../../../src/env/env.ts';
import { type InProcessServer, startInProcessServer } from '../../../support/in-process-server.ts';
import { encodeWriteRequest, pack } from '../../../support/prom-messages.ts';

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silent,
};
const samples = pack(encodeWriteRequest([{ labels: { __name__: 'm' }, samples: [[1, 1]] }]));
const ways = [
  ['/write', { db: 'mydb' }, 'm v=1 1'],
  ['/api/v2/write', { bucket: 'mydb' }, 'm v=1 1'],
  ['/api/v1/prom/write', { db: 'mydb' }, samples],
] as const;

let server: InProcessServer;

beforeEach(async () => {
  server = await startInProcessServer({ env: { log: silent } });
  await server.catalog.createDatabase('mydb');
});

afterEach(() => server.stop(100));

test.each(ways)('%s: overload is 503 with Retry-After', async (path, params, body) => {
  server.dataNode.onWrite = async () => {
    throw new CitadelError('overloaded', 'too much memory');
  };
  const answer = await server.request(path, params, { method: 'POST', body });
  expect([answer.status, answer.text()]).toEqual([503, '{"error":"too much memory"}\n']);
  expect(answer.headers['retry-after']).toBe('1');
});

test.each(ways)('%s: a level that is not reached is 500', async (path, params, body) => {
  server.dataNode.onWrite = async ({ level }) => {
    if (level === 'all') throw new CitadelError('timeout', 'timeout');
  };
  const asked = { ...params, consistency: 'all' };
  const answer = await server.request(path, asked, { method: 'POST', body });
  // Buckets know no levels.
  const isBucket = path === '/api/v2/write';
  expect([answer.status, answer.text()]).toEqual(
    isBucket ? [204, ''] : [500, '{"error":"timeout"}\n'],
  );
  const byDefault = await server.request(path, params, { method: 'POST', body });
  expect(byDefault.status).toBe(204);
  expect(byDefault.headers['x-citadel-copies']).toBe('1');
});

test.each([
  ['InfluxDBShell/1.6.7~rc0', 'all', 'auto'],
  ['InfluxDBShell/1.8.10', 'quorum', 'quorum'],
  ['curl/8', 'all', 'all'],
  ['curl/8', '', 'auto'],
])('%s that asks for "%s" gets %s', async (agent, asked, level) => {
  const params = { db: 'mydb', precision: 'ns', rp: '', consistency: asked };
  const headers = { 'User-Agent': agent, 'Content-Type': '' };
  const answer = await server.request('/write', params, {
    method: 'POST',
    body: 'm v=1 1',
    headers,
  });
  expect(answer.status).toBe(204);
  expect(server.dataNode.writes.map((write) => write.level)).toEqual([level]);
});
