/**
 * The checker as a real process against a real InfluxDB, directly and through a proxy that spoils
 * requests: the database under test is known to be right here, so that the checker is what is tested.
 */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { timeOf } from '../../cmd/ctchecker/pattern.ts';
import { type Mood, startFlakyProxy } from '../support/flaky-proxy.ts';
import { findFreePort } from '../support/free-port.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const checker = fileURLToPath(new URL('../../bin/ctchecker', import.meta.url));
const directory = makeTempDir('checker');

async function run(...args: string[]) {
  const child = spawn(process.execPath, [checker, '-tstore', ...args], { cwd: directory });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { stdout, stderr, status: await exited };
}

describe.skipIf(!influxdInstalled)('with a real InfluxDB behind', () => {
  let influxd: InfluxdProcess;
  beforeAll(async () => {
    influxd = await startInfluxd();
  });
  afterAll(async () => {
    await influxd.stop();
  });

  test('whole data passes; lost, changed and foreign points are found and named', async () => {
    const size = ['-table', 'whole', '-count', '100', '-series', '5', '-url', influxd.url];
    expect((await run('-write', '-check', '-rate', '10000', ...size)).status).toBe(0);

    const q = `DELETE FROM whole WHERE id = 's3' AND time = ${timeOf(3, 7)}`;
    await influxd.request('/query', { db: 'whole', q }, { method: 'POST' });
    const body = `whole,id=s1 f=0.5 ${timeOf(1, 4)}\nwhole,id=s2 f=0.5 ${timeOf(2, 9) + 1n}`;
    await influxd.request('/write', { db: 'whole' }, { method: 'POST', body });

    const { stdout, status } = await run('-check', ...size);
    expect(status).toBe(1);
    expect(stdout).toContain('missing: series 3 index 7');
    expect(stdout).toContain('corrupt: series 1 index 4');
    expect(stdout).toContain('unexpected: series 2 index 9');
    expect(stdout).toContain('1 missing (1 of them acknowledged), 2 wrong, 0 duplicate');
  });

  test('spoiled requests are repeated until every point is acknowledged', async () => {
    const moods: Mood[] = ['honest', 'refuse-before', 'refuse-after', 'drop-after', 'honest'];
    const proxy = await startFlakyProxy(influxd.url, (n) => moods[n % moods.length]!);
    const size = ['-table', 'flaky', '-count', '100', '-series', '10'];
    const urls = ['-url', `http://127.0.0.1:${await findFreePort()},${proxy.url}`];
    const written = await run('-write', '-rate', '10000', ...size, ...urls);
    expect(proxy.spoiled()).toBeGreaterThan(3);
    await proxy.close();
    expect(written.stdout).toContain('written: 1000 acknowledged, 0 not acknowledged');
    expect(written.status).toBe(0);
    expect((await run('-check', ...size, '-url', influxd.url)).status).toBe(0);
    const journal = readFileSync(join(directory, 'ctchecker-flaky.journal'), 'utf8');
    expect(journal.split('\n').filter((line) => line.startsWith('ack'))).toHaveLength(2);
  });

  test('refused points are not repeated and fail the run', async () => {
    // 400 for good: the database has another type for the field.
    const body = `refused,id=x f="text" ${timeOf(0, 0)}`;
    await influxd.request('/query', { q: 'CREATE DATABASE refused' }, { method: 'POST' });
    await influxd.request('/write', { db: 'refused' }, { method: 'POST', body });
    const { stdout, status } = await run('-write', '-table', 'refused', '-url', influxd.url);
    expect(stdout).toContain('written: 0 acknowledged, 1 not acknowledged');
    expect(status).toBe(1);
  });
});

test('a database that is not there is an error, not an empty success', async () => {
  const { stderr, status } = await run(
    '-check',
    '-url',
    `http://127.0.0.1:${await findFreePort()}`,
  );
  expect(stderr).toContain('ctchecker: cannot query');
  expect(status).toBe(1);
});
