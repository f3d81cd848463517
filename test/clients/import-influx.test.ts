/**
 * Goal: `citadel import -from-influx` copies a running InfluxDB so that every query is answered alike.
 * Method: influxd with the data of the conformance tests, copied into an empty Citadel by an importer that is
 * killed on its way and started again; then all questions of test/conformance/select are asked of both. What
 * no question shows (fields of several types, counts, queries) has cases of its own.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  caseFiles,
  type Difference,
  findDifference,
  readCases,
} from '../conformance/select/compare-cases.ts';
import { load } from '../conformance/select/servers.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { havePackages } from '../support/debian-packages.ts';
import { type InfluxdProcess, startInfluxd } from '../support/influxd-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { makeMassLines } from './mass-points.ts';
import { runTool, startTool } from './run-tool.ts';

/** The machine may be slow; no test waits for its own sake. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const parallel = 6;
/** Points beside those of the conformance tests; npm run long -- import asks for a million. */
const massCount = Number(process.env.TEST_IMPORT_POINTS ?? 4_000);
const massBatch = 5_000;
const isLong = massCount > 100_000;
const longMs = isLong ? 3_600_000 : 300_000;
/** Every so-manieth question; select.test.ts asks all of them every time. */
const stride = isLong ? 1 : 12;
/** Stretches of time that the first importer gets done before it is killed. */
const stepsBeforeKill = 15;

async function countSteps(journal: string): Promise<number> {
  return existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length : 0;
}

describe.skipIf(!havePackages('influxdb'))('import from a real InfluxDB', () => {
  let influxd: InfluxdProcess;
  let citadel: CitadelProcess;
  let directory: string;

  async function query(server: InfluxdProcess | CitadelProcess, q: string): Promise<string> {
    return (await server.request('/query', { q, epoch: 'ns' }, { method: 'POST' })).text();
  }

  async function writeMass(): Promise<void> {
    await query(influxd, 'CREATE DATABASE mass');
    for (let from = 0; from < massCount; from += massBatch) {
      const lines = makeMassLines(massCount, from, Math.min(massCount, from + massBatch));
      const request = { method: 'POST', body: lines.join('\n'), timeoutMs: 120_000 };
      const { status, text } = await influxd.request('/write', { db: 'mass' }, request);
      expect(status, text()).toBe(204);
    }
  }

  /** Lines of an export, sorted. */
  async function exportLines(url: string): Promise<string[]> {
    const flags = ['-db', 'tsbs,mass', '-format', 'influx', 'exported'];
    const { status, stderr } = await runTool(['export', '-url', url, ...flags], directory);
    expect(status, stderr).toBe(0);
    return readFileSync(join(directory, 'exported'), 'utf8').split('\n').sort();
  }

  beforeAll(async () => {
    directory = makeTempDir('import');
    // Some questions of the conformance tests write, by GET.
    const flags = ['-fsync', 'never', '-allow-changes-by-get', 'true'];
    [influxd, citadel] = await Promise.all([startInfluxd(), startCitadel({ args: flags })]);
    await load(influxd);
    for (const q of [
      'CREATE DATABASE "odd \\"db\\""',
      'CREATE DATABASE types WITH DURATION INF REPLICATION 1 SHARD DURATION 1d NAME "main"',
      'CREATE RETENTION POLICY "short term" ON types DURATION 48h REPLICATION 1 SHARD DURATION 1h',
      'CREATE CONTINUOUS QUERY cq ON types BEGIN SELECT mean(v) INTO means FROM mixed GROUP BY time(1h) END',
    ]) {
      await query(influxd, q);
    }
    // One field, four types: InfluxDB fixes them per shard, which is a day here.
    const day = 86_400_000_000_000n;
    const now = BigInt(Date.now()) * 1_000_000n;
    const bodies = [
      `mixed v=1.5 ${10n * day}\nmixed v=2 ${10n * day + 1n}`,
      `mixed v=9007199254740993i ${20n * day}\nmixed v=7i ${20n * day + 1n}`,
      `mixed v="text" ${30n * day}`,
      `mixed v=true ${40n * day}`,
    ];
    for (const body of bodies)
      await influxd.request('/write', { db: 'types' }, { method: 'POST', body });
    const recent = `kept v=1 ${now - day / 2n}\nkept v=2 ${now}`;
    const shortTerm = { db: 'types', rp: 'short term' };
    await influxd.request('/write', shortTerm, { method: 'POST', body: recent });
    await writeMass();
  }, longMs);

  afterAll(async () => {
    await citadel?.cleanUp();
    await influxd?.stop();
    removeTempDir(directory);
  });

  test('killed on its way and started again, it copies every point once', {
    timeout: 180_000,
  }, async () => {
    const args = [
      'import',
      '-from-influx',
      influxd.url,
      '-url',
      citadel.url,
      '-continuous-queries',
    ];
    const journal = join(directory, 'copy.journal');
    const flags = [...args, '-journal', journal];
    const first = startTool([...flags, '-rate', '2000'], directory);
    let isOver = false;
    const ended = first.result.finally(() => {
      isOver = true;
    });
    while (!isOver && (await countSteps(journal)) < stepsBeforeKill) await sleep(20);
    first.child.kill('SIGKILL');
    expect(await ended).toMatchObject({ status: null, stdout: '' });
    expect(readFileSync(journal, 'utf8')).toContain('"written"');

    const startMs = performance.now();
    const second = await runTool(flags, directory);
    const seconds = (performance.now() - startMs) / 1000;
    expect(second.stderr).toContain('going on');
    const exported = await runTool(
      ['export', '-url', influxd.url, '-format', 'influx', 'a'],
      directory,
    );
    const [, count] = /exported (\d+) points, left out 0/.exec(exported.stderr) ?? [];
    expect(second).toMatchObject({ status: 0, stdout: `written ${count} points, refused 0\n` });
    expect(Number(count)).toBeGreaterThan(15_000 + massCount);
    expect(existsSync(journal)).toBe(false);
    process.stdout.write(`${count} points in ${Math.round(seconds)} s\n`);
  });

  test('what goes out of both is the same, line by line', { timeout: longMs }, async () => {
    const theirs = await exportLines(influxd.url);
    const ours = await exportLines(citadel.url);
    expect(ours.length).toBeGreaterThan(14_000 + massCount);
    expect(ours.length).toBe(theirs.length);
    expect(ours.find((line, i) => line !== theirs[i])).toBe(undefined);
  });

  test('conformance queries are answered alike', { timeout: longMs }, async () => {
    const questions = caseFiles()
      .flatMap((file) => readCases(file))
      .filter(({ accepted }) => accepted === undefined)
      .filter((_, i) => i % stride === 0);
    const found: Difference[] = [];
    const servers = { citadel, influxd, stop: () => Promise.resolve() };
    for (let from = 0; from < questions.length; from += parallel) {
      const batch = questions.slice(from, from + parallel);
      const differences = await Promise.all(batch.map((one) => findDifference(servers, one)));
      found.push(...differences.filter((difference) => difference !== undefined));
    }
    process.stdout.write(`${questions.length - found.length} of ${questions.length} equal\n`);
    expect(found).toEqual([]);
  });

  test('policies and continuous queries are there', async () => {
    for (const q of ['SHOW RETENTION POLICIES ON types', 'SHOW CONTINUOUS QUERIES']) {
      expect(await query(citadel, q)).toBe(await query(influxd, q));
    }
    const q = 'SELECT * FROM types."short term".kept';
    expect(await query(citadel, q)).toBe(await query(influxd, q));
  });

  test('a field of several types keeps what InfluxDB shows, the rest stands beside it', async () => {
    const day = 86_400_000_000_000n;
    const rows = JSON.parse(await query(citadel, 'SELECT * FROM types.main.mixed')) as {
      results: [{ series: [{ columns: string[]; values: unknown[][] }] }];
    };
    const [{ columns, values }] = rows.results[0].series;
    expect(columns).toEqual(['time', 'v', 'v_boolean', 'v_integer', 'v_string']);
    expect(values.map((row) => row.slice(1))).toEqual([
      [1.5, null, null, null],
      [2, null, null, null],
      [null, null, Number(9007199254740993n), null],
      [7, null, null, null],
      [null, null, null, 'text'],
      [null, true, null, null],
    ]);
    expect(
      await query(citadel, `SELECT v_integer FROM types.main.mixed WHERE time = ${20n * day}`),
    ).toContain('9007199254740993');
  });

  test('a second copy into the same database changes nothing', async () => {
    const args = ['import', '-from-influx', influxd.url, '-url', citadel.url, '-db', 'types'];
    const before = await query(citadel, 'SELECT count(*) FROM types.main./.*/');
    const again = await runTool(args, directory);
    expect(again).toMatchObject({ status: 0, stdout: 'written 8 points, refused 0\n' });
    expect(await query(citadel, 'SELECT count(*) FROM types.main./.*/')).toBe(before);
  });

  test('what cannot be is said in one line', async () => {
    const args = ['import', '-from-influx', influxd.url, '-url', citadel.url];
    expect(await runTool([...args, '-db', 'nowhere'], directory)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('has no database "nowhere"'),
    });
    const deaf = ['import', '-from-influx', influxd.url, '-url', 'http://127.0.0.1:1'];
    expect(await runTool(deaf, directory)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('cannot reach http://127.0.0.1:1'),
    });
  });
});
