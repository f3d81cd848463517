/**
 * Goal: what `citadel export` writes, `citadel import` brings back: every point, exactly, with true counts, in
 * every format, and after the importer or the server died on the way.
 * Method: the data of the conformance tests goes out of one real node into another and out again; the two
 * exports must be equal. Then files with mistakes, an importer or an exporter that is killed, a server that is away.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type DataSet, dataSets } from '../conformance/select/datasets.ts';
import { load } from '../conformance/select/servers.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { runProgram } from './run-program.ts';
import { runTool, startTool } from './run-tool.ts';
import { type StallingProxy, startStallingProxy } from './stalling-proxy.ts';

/** The machine may be slow; no test waits for its own sake. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let from: CitadelProcess;
let to: CitadelProcess;
let directory: string;

beforeAll(async () => {
  directory = makeTempDir('transfer');
  [from, to] = await Promise.all([
    startCitadel({ args: ['-fsync', 'never'] }),
    startCitadel({ args: ['-fsync', 'never'] }),
  ]);
  await load(from, zooSets());
});

afterAll(async () => {
  await from?.cleanUp();
  await to?.cleanUp();
  removeTempDir(directory);
});

/** Points of centuries in a database of their own: they make whatever stands beside them slow. */
function zooSets(): DataSet[] {
  const zoo = dataSets.filter(({ database }) => database === 'zoo');
  const isOld = (line: string) => line.startsWith('old,');
  return [
    ...zoo.map((set) => ({ ...set, lines: set.lines.filter((line) => !isOld(line)) })),
    { database: 'copies', policy: '', lines: zoo.flatMap(({ lines }) => lines.filter(isOld)) },
  ];
}

async function query(server: CitadelProcess, q: string): Promise<string> {
  return (await server.request('/query', { q, epoch: 'ns' }, { method: 'POST' })).text();
}

async function countOf(server: CitadelProcess, source: string): Promise<number> {
  const text = await query(server, `SELECT count(v) FROM ${source}`);
  return Number(/"values":\[\[\d+,(\d+)\]\]/.exec(text)?.[1] ?? 0);
}

function readText(path: string): string {
  const bytes = readFileSync(join(directory, path));
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

function readSorted(path: string): string[] {
  return readText(path).split('\n').sort();
}

async function exportAll(server: CitadelProcess, flags: readonly string[], file: string) {
  const result = await runTool(['export', '-url', server.url, ...flags, file], directory);
  expect(result.status, result.stderr).toBe(0);
  return Number(/exported (\d+) points, left out 0/.exec(result.stderr)?.[1]);
}

test('everything goes out as one file and comes back, packed', async () => {
  const count = await exportAll(from, ['-format', 'influx'], 'all.gz');
  expect(count).toBeGreaterThan(1_000);
  const imported = await runTool(['import', '-url', to.url, 'all.gz'], directory);
  expect(imported).toMatchObject({ status: 0, stdout: `written ${count} points, refused 0\n` });
  expect(await exportAll(to, ['-format', 'influx'], 'again')).toBe(count);
  expect(readSorted('again')).toEqual(readSorted('all.gz'));
  expect(await query(to, 'SHOW RETENTION POLICIES ON zoo')).toBe(
    await query(from, 'SHOW RETENTION POLICIES ON zoo'),
  );
});

test.each(['line', 'csv'])('a database goes out as %s and comes back', async (format) => {
  const flags = ['-db', 'zoo', '-rp', 'autogen', '-format', format, '-chunk-rows', '250'];
  const count = await exportAll(from, flags, `zoo.${format}`);
  const copy = `${format}_copy`;
  const args = ['import', '-url', to.url, '-db', copy, '-create', '-batch', '77'];
  const imported = await runTool([...args, `zoo.${format}`], directory);
  expect(imported).toMatchObject({ status: 0, stdout: `written ${count} points, refused 0\n` });
  await exportAll(to, ['-db', copy, '-format', format], `again.${format}`);
  expect(readSorted(`again.${format}`)).toEqual(readSorted(`zoo.${format}`));
});

test('measurements and times choose what goes out', async () => {
  const days = ['-db', 'copies', '-measurement', 'old', '-from', '-1', '-until', '86399999999999'];
  const { stdout, stderr } = await runTool(['export', '-url', from.url, ...days], directory);
  expect(stdout).toBe('old,a=1 v=3,w=3i -1\nold,a=1 v=4,w=4i 0\nold,a=1 v=5,w=5i 1\n');
  expect(stderr).toContain('exported 3 points');
});

test('mistakes are told by line, the counts are true, the rest is stored', async () => {
  const lines = Array.from({ length: 3_000 }, (_, n) => `good,k=${n % 7} v=${n} ${n}`);
  lines[10] = 'bad,k=1 v=';
  lines[1_500] = 'good,k=1 v="text" 1';
  lines[2_000] = 'multi s="one\ntwo",v=1 1';
  lines[2_999] = 'good,k=2 v=true 2';
  const args = ['import', '-url', to.url, '-db', 'faulty', '-create', '-batch', '1000', '-'];
  const { status, stdout, stderr } = await runTool(args, directory, lines.join('\n'));
  expect({ status, stdout }).toEqual({ status: 1, stdout: 'written 2997 points, refused 3\n' });
  expect(stderr).toContain('line 11: missing field value');
  expect(stderr).toMatch(/line 1501: .*field type conflict.* is type string/);
  // One line before it has a line break inside.
  expect(stderr).toMatch(/line 3001: .*field type conflict.* is type boolean/);
  expect(await countOf(to, 'faulty..good')).toBe(2_996);
});

test('a missing database is said at once, and nothing is done', async () => {
  const { status, stderr } = await runTool(
    ['import', '-url', to.url, '-db', 'missing', '-'],
    directory,
    'm v=1',
  );
  expect(status).toBe(1);
  expect(stderr).toContain('no database "missing"; -create makes it');
});

test('an importer that is killed goes on where it was: every point, counted once', async () => {
  const count = 20_000;
  const lines = Array.from({ length: count }, (_, n) => `m,k=${n % 10} v=${n},s="a\nb" ${n}\n`);
  writeFileSync(join(directory, 'killed.gz'), gzipSync(lines.join('')));
  const args = ['import', '-url', to.url, '-db', 'killed', '-create', 'killed.gz', '-batch', '500'];
  const journal = join(directory, 'citadel-import-killed.gz.journal');
  const first = startTool([...args, '-rate', '1000'], directory);
  let isOver = false;
  const ended = first.result.finally(() => {
    isOver = true;
  });
  const steps = () => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length : 0);
  while (!isOver && steps() < 6) await sleep(10);
  first.child.kill('SIGKILL');
  expect((await ended).status).toBe(null);
  const stored = await countOf(to, 'killed..m');
  expect(stored).toBeGreaterThan(0);
  expect(stored).toBeLessThan(count);

  const { status, stdout, stderr } = await runTool(args, directory);
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: `written ${count} points, refused 0\n`,
  });
  expect(stderr).toContain('going on behind line');
  expect(await countOf(to, 'killed..m')).toBe(count);
  expect(existsSync(journal)).toBe(false);
});

test('Ctrl-C stops cleanly and says how to go on; a server that was away is waited for', async () => {
  const count = 5_000;
  const lines = Array.from({ length: count }, (_, n) => `m,k=${n % 10} v=${n} ${n}\n`);
  writeFileSync(join(directory, 'stopped'), lines.join(''));
  const args = ['import', '-url', to.url, '-db', 'stopped', '-create', 'stopped', '-batch', '200'];
  const journal = join(directory, 'citadel-import-stopped.journal');
  const first = startTool([...args, '-rate', '200'], directory);
  while (first.child.exitCode === null && !existsSync(journal)) await sleep(10);
  first.child.kill('SIGINT');
  const stopped = await first.result;
  expect(stopped.status).toBe(130);
  expect(stopped.stderr).toContain('interrupted; the same command goes on where it stopped');

  await to.kill();
  const second = startTool(args, directory);
  await to.restart();
  const { status, stdout, stderr } = await second.result;
  expect({ status, stdout }, stderr).toEqual({
    status: 0,
    stdout: `written ${count} points, refused 0\n`,
  });
  expect(await countOf(to, 'stopped..m')).toBe(count);
});

/** Two measurements in four shard groups each: 1.4 MB of text per measurement and group. */
async function loadDays(server: CitadelProcess): Promise<void> {
  await query(server, 'CREATE DATABASE days WITH DURATION INF SHARD DURATION 1d');
  const text = 'x'.repeat(900);
  for (let day = 1; day <= 4; day++) {
    const lines = Array.from({ length: 3_000 }, (_, n) => {
      const time = BigInt(day) * 86_400_000_000_000n + BigInt(n);
      return `${n % 2 === 0 ? 'first' : 'second'},k=${n % 5} v=${n}i,s="${text}\n${n}" ${time}`;
    });
    const options = { method: 'POST', body: lines.join('\n') } as const;
    expect((await server.request('/write', { db: 'days' }, options)).status).toBe(204);
  }
}

/** Starts the exporter and ends it in the middle of the answer to the `nth` query for points. */
async function breakExport(proxy: StallingProxy, args: readonly string[], nth: number) {
  const stalled = proxy.stallAt(nth);
  const { child, result } = startTool(args, directory);
  await Promise.race([stalled, result]);
  child.kill('SIGKILL');
  expect((await result).status).toBe(null);
}

test.each(['days.lp', 'days.gz'])('an exporter that is killed goes on: %s', async (file) => {
  if (file === 'days.lp') await loadDays(from);
  const flags = ['-db', 'days', '-format', 'influx'];
  const count = await exportAll(from, flags, `whole-${file}`);
  expect(count).toBe(12_000);
  const proxy = await startStallingProxy(from.url);
  try {
    const args = ['export', '-url', proxy.url, ...flags, file];
    const journal = join(directory, `${file}.part.journal`);
    // By then one or two stretches of the first measurement are noted; again within the second one.
    await breakExport(proxy, args, 3);
    const { length } = JSON.parse(readFileSync(journal, 'utf8')).state;
    await breakExport(proxy, args, 4);
    expect(JSON.parse(readFileSync(journal, 'utf8')).state.length).toBeGreaterThan(length);
    expect(existsSync(join(directory, file))).toBe(false);
    const other = await runTool([...args, '-measurement', 'first'], directory);
    expect(other.status).toBe(1);
    expect(other.stderr).toContain('was begun with other flags; -restart begins anew');
    const { status, stderr } = await runTool(args, directory);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('going on behind');
    expect(stderr).toContain(`exported ${count} points, left out 0`);
  } finally {
    await proxy.close();
  }
  expect(readText(file)).toBe(readText(`whole-${file}`));
  expect(existsSync(join(directory, `${file}.part.journal`))).toBe(false);
  const args = ['import', '-url', to.url, file];
  const imported = await runTool(args, directory);
  expect(imported.stdout, imported.stderr).toBe(`written ${count} points, refused 0\n`);
});

test('a reader that goes away is no error', async () => {
  const command = `"${process.execPath}" "${new URL('../../bin/citadel', import.meta.url).pathname}"`;
  const piped = `${command} export -url ${to.url} -db killed | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await runProgram('bash', ['-c', piped]);
  expect(stdout).toBe('m,k=0 s="a\n0\n');
  expect(stderr).not.toContain('cannot');
});
