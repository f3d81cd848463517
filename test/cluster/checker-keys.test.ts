/** The checker of keys as a real process against a real server: whole data passes, damage is found and named. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { finalValue, keyOf, putValue } from '../../cmd/ctchecker/key-pattern.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { runBin } from '../support/run-command.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const directory = makeTempDir('checker-keys');
const count = 300;
let server: CitadelProcess;

beforeAll(async () => {
  server = await startCitadel();
}, 60_000);
afterAll(async () => {
  await server?.cleanUp();
  removeTempDir(directory);
});

function check(...args: string[]) {
  const size = ['-count', String(count), '-series', '2', '-rate', '20000', '-url', server.url];
  return runBin('ctchecker', ['-kstore', ...args, ...size], directory);
}

async function post(path: string, items: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const options = { method: 'POST', headers, body: JSON.stringify(items) };
  const answer = await server.request(path, { table: 'test' }, options);
  if (answer.status !== 204) throw new Error(answer.text());
}

test('what is written passes; lost, outdated, returned and foreign keys are found', async () => {
  const whole = await check('-write', '-check');
  expect(whole.stdout).toContain('600 acknowledged, 0 not acknowledged');
  expect(whole.stdout).toContain('600 keys, 0 missing, 0 came back, 0 wrong, 0 duplicate');
  expect(whole.status).toBe(0);
  const indexes = Array.from({ length: count }, (_, index) => index);
  const kept = indexes.filter((index) => finalValue(1, index) !== undefined);
  const gone = indexes.find((index) => finalValue(1, index) === undefined)!;
  const [lost, older] = kept.filter((index) => finalValue(1, index)!.equals(putValue(1, index, 2)));
  const base64 = (index: number) => keyOf(1, index).toString('base64');
  const put = (index: number, number: number) => ({
    KeyBase64: base64(index),
    ValueBase64: putValue(1, index, number).toString('base64'),
  });
  await post('/kv/delete', [{ KeyBase64: base64(lost!) }]);
  await post('/kv/put', [put(older!, 1), put(gone, 1), { Key: 's1/7/foreign', Value: 'v' }]);
  const { stdout, status } = await check('-check');
  expect(status).toBe(1);
  expect(stdout).toContain(`missing: series 1 index ${lost}: read: absent (acknowledged)`);
  expect(stdout).toContain(`outdated: series 1 index ${older}`);
  expect(stdout).toContain(`returned: series 1 index ${gone}: listed`);
  expect(stdout).toContain('unexpected: series 1 index -1: key "s1/7/foreign"');
}, 60_000);
