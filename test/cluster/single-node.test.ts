/**
 * One real node from a client's side: the first page of the manual, that what it acknowledged is there
 * after a stop and after a kill, and that drops are final.
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { runBin } from '../support/run-command.ts';

const curl = promisify(execFile);

interface QueryAnswer {
  readonly results: readonly {
    readonly error?: string;
    readonly series?: readonly {
      readonly name?: string;
      readonly tags?: Readonly<Record<string, string>>;
      readonly columns: readonly string[];
      readonly values?: readonly (readonly unknown[])[];
    }[];
  }[];
}

async function query(
  node: CitadelProcess,
  q: string,
  params: Record<string, string> = {},
): Promise<QueryAnswer> {
  const answer = await node.request(
    '/query',
    { db: 'mydb', epoch: 'ns', q, ...params },
    { method: 'POST' },
  );
  expect(answer.status, answer.text()).toBe(200);
  return answer.json() as QueryAnswer;
}

/** Rows of the only series of the only statement. */
async function rows(node: CitadelProcess, q: string): Promise<readonly (readonly unknown[])[]> {
  const { results } = await query(node, q);
  expect(results[0]?.error).toBeUndefined();
  return results[0]?.series?.[0]?.values ?? [];
}

async function write(node: CitadelProcess, body: string, params: Record<string, string> = {}) {
  return node.request('/write', { db: 'mydb', ...params }, { method: 'POST', body });
}

describe('the first page of the manual', () => {
  let node: CitadelProcess;

  beforeAll(async () => {
    node = await startCitadel();
  });

  afterAll(() => node?.cleanUp());

  test('all shards of a new node are well, those of keys not made yet', async () => {
    const { status, stdout, stderr } = await runBin('citadel', ['shards', '-url', node.url]);
    expect(stderr).toBe('');
    expect(stdout).toContain('(unused)');
    expect(status).toBe(0);
  });

  test('works with curl, word for word', async () => {
    const base = `http://localhost:${node.port}`;
    const created = await curl('curl', ['-s', '-i', '-XPOST', `${base}/create?db=mydb`]);
    expect(created.stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    const written = await curl('curl', [
      '-s',
      '-i',
      '-XPOST',
      `${base}/write?db=mydb`,
      '--data-binary',
      'cpu_load_short,host=server01,region=us-west value=0.64 1434055562000000000',
    ]);
    expect(written.stdout).toMatch(/^HTTP\/1\.1 204 No Content\r\n/);
    const selected = await curl('curl', [
      '-sG',
      `${base}/query?pretty=true`,
      '--data-urlencode',
      'db=mydb',
      '--data-urlencode',
      'q=SELECT * FROM cpu_load_short',
    ]);
    expect(JSON.parse(selected.stdout)).toEqual({
      results: [
        {
          statement_id: 0,
          series: [
            {
              name: 'cpu_load_short',
              columns: ['time', 'host', 'region', 'value'],
              values: [['2015-06-11T20:46:02Z', 'server01', 'us-west', 0.64]],
            },
          ],
        },
      ],
    });
    expect(selected.stdout).toMatch(/^\{\n {4}"results": \[\n/);
    const metrics = await curl('curl', ['-sf', `${base}/metrics`]);
    expect(metrics.stdout).toContain('citadel_shard_active{kind="tstore",shard="0"} 1');
    const info = await curl('curl', ['-s', `${base}/info`]);
    expect(JSON.parse(info.stdout)).toMatchObject({ state: 'ok', databases: ['mydb'] });
  });

  test('a zipped write and a zipped answer', async () => {
    const body = gzipSync('zip v=1 1\nzip v=2 2');
    const headers = { 'Content-Encoding': 'gzip' };
    const options = { method: 'POST', body, headers };
    expect((await node.request('/write', { db: 'mydb' }, options)).status).toBe(204);
    const answer = await node.request(
      '/query',
      { db: 'mydb', epoch: 's', q: 'SELECT v FROM zip' },
      { headers: { 'Accept-Encoding': 'gzip' } },
    );
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(answer.body).toString()).toContain('"values":[[0,1],[0,2]]');
  });

  test.each([
    ['n', 1434055562000000001n, '1434055562000000001'],
    ['u', 1434055562000001n, '1434055562000001000'],
    ['ms', 1434055562001n, '1434055562001000000'],
    ['s', 1434055562n, '1434055562000000000'],
    ['m', 23900926n, '1434055560000000000'],
    ['h', 398348n, '1434052800000000000'],
  ])('precision %s', async (precision, time, ns) => {
    const name = `precision_${precision}`;
    expect((await write(node, `${name} v=1 ${time}`, { precision })).status).toBe(204);
    const answer = await node.request('/query', {
      db: 'mydb',
      epoch: 'ns',
      q: `SELECT v FROM ${name}`,
    });
    expect(answer.text()).toContain(`[[${ns},1]]`);
    const same = await query(node, `SELECT v FROM ${name}`, { epoch: precision });
    expect(same.results[0]?.series?.[0]?.values?.[0]?.[0]).toBe(
      precision === 'n' ? Number(ns) : Number(time),
    );
  });

  test('a chunked answer is one document per chunk', async () => {
    const lines = Array.from({ length: 25 }, (_, i) => `chunks v=${i} ${i}`);
    await write(node, lines.join('\n'));
    const q = 'SELECT v FROM chunks; SHOW DATABASES';
    const params = { db: 'mydb', epoch: 'ns', chunked: 'true', chunk_size: '10', q };
    const text = (await node.request('/query', params)).text();
    const documents = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as QueryAnswer);
    expect(documents.map(({ results }) => results[0]?.series?.[0]?.values?.length)).toEqual([
      10, 10, 5, 1,
    ]);
    expect(documents.map(({ results }) => JSON.stringify(results[0]).includes('partial'))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('parameters are values, never text', async () => {
    await write(node, 'bound,host=a v=1 1\nbound,host=b v=2 2');
    const bound = (params: unknown) =>
      query(node, 'SELECT v FROM bound WHERE host = $host AND v < $max', {
        params: JSON.stringify(params),
      });
    const found = await bound({ host: 'b', max: 5 });
    expect(found.results[0]?.series?.[0]?.values).toEqual([[2, 2]]);
    expect((await bound({ host: "b' OR v > '0", max: 5 })).results[0]?.series).toBeUndefined();
  });

  test('reads and writes go to the policy that is named', async () => {
    await query(node, 'CREATE RETENTION POLICY long ON mydb DURATION INF REPLICATION 1');
    expect((await write(node, 'pol v=1 1', { rp: 'long' })).status).toBe(204);
    expect(await rows(node, 'SELECT v FROM pol')).toEqual([]);
    expect(await rows(node, 'SELECT v FROM "long".pol')).toEqual([[1, 1]]);
    const byParameter = await query(node, 'SELECT v FROM pol', { rp: 'long' });
    expect(byParameter.results[0]?.series?.[0]?.values).toEqual([[1, 1]]);
    await query(node, 'DROP RETENTION POLICY long ON mydb');
    const gone = await query(node, 'SELECT v FROM "long".pol');
    expect(gone.results[0]?.error).toBe('retention policy not found: long');
  });
});

describe('what was acknowledged', () => {
  let node: CitadelProcess;
  const hosts = 20;
  const points = 200;

  afterEach(() => node?.cleanUp());

  async function fill(): Promise<void> {
    node = await startCitadel();
    await query(node, 'CREATE DATABASE mydb');
    for (let from = 0; from < points; from += 50) {
      const lines = Array.from({ length: 50 * hosts }, (_, i) => {
        const time = from + Math.floor(i / hosts);
        return `m,host=h${i % hosts} f=${time / 4},i=${time}i,s="s${time}",b=${time % 2 === 0} ${time}`;
      });
      expect((await write(node, lines.join('\n'))).status).toBe(204);
    }
    await query(node, "DELETE FROM m WHERE host = 'h1' AND time < 100");
    await query(node, "DROP SERIES FROM m WHERE host = 'h2'");
  }

  async function check(): Promise<void> {
    const { results } = await query(node, 'SELECT count(i), sum(i) FROM m GROUP BY host');
    const counts = new Map(
      results[0]?.series?.map(({ tags, values }) => [tags?.host, values?.[0]?.slice(1)]),
    );
    expect(counts.size).toBe(hosts - 1);
    expect(counts.get('h0')).toEqual([points, (points * (points - 1)) / 2]);
    expect(counts.get('h1')).toEqual([100, (100 * (100 + 199)) / 2]);
    expect(counts.has('h2')).toBe(false);
    expect(await rows(node, "SELECT * FROM m WHERE host = 'h3' AND time >= 7 LIMIT 2")).toEqual([
      [7, false, 1.75, 'h3', 7, 's7'],
      [8, true, 2, 'h3', 8, 's8'],
    ]);
    const conflict = await write(node, 'm i=1 1');
    expect(conflict.text()).toContain('is type float, already exists as type integer');
  }

  test.each([
    ['a clean stop', async () => void (await node.stop())],
    ['a kill', async () => void (await node.kill())],
  ])('is there after %s, and after it again', async (_, end) => {
    await fill();
    await check();
    for (let round = 0; round < 2; round++) {
      await end();
      await node.restart();
      await check();
    }
  });

  test('a write that is under way at a stop is answered, and kept if it was taken', async () => {
    node = await startCitadel();
    await query(node, 'CREATE DATABASE mydb');
    let acknowledged = 0;
    let isOver = false;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let i = 0; !isOver; i++) {
        try {
          const answer = await write(node, `w,writer=${writer} v=${i} ${i}`);
          if (answer.status === 204) acknowledged++;
          else isOver = true;
        } catch {
          isOver = true;
        }
      }
    });
    while (acknowledged < 100) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await node.stop()).toEqual({ code: 0, signal: null });
    await Promise.all(writers);
    await node.restart();
    const [row] = await rows(node, 'SELECT count(v) FROM w');
    expect(row?.[1]).toBeGreaterThanOrEqual(acknowledged);
    expect(row?.[1]).toBeLessThanOrEqual(acknowledged + 4);
  });
});

describe('drops', () => {
  let node: CitadelProcess;

  afterEach(() => node?.cleanUp());

  test('are final: nothing comes back, by a restart or under the old name', async () => {
    node = await startCitadel();
    await query(node, 'CREATE DATABASE mydb; CREATE DATABASE other');
    await write(node, 'm,a=1 v=1 1\nn v=1 1');
    await write(node, 'm v=5 5', { db: 'other' });
    await query(node, 'DROP MEASUREMENT n');
    await query(node, 'DROP DATABASE mydb');
    await query(node, 'CREATE DATABASE mydb');
    const check = async () => {
      expect(await rows(node, 'SELECT v FROM m')).toEqual([]);
      expect((await query(node, 'SHOW MEASUREMENTS')).results[0]?.series).toBeUndefined();
      expect((await query(node, 'SHOW SERIES')).results[0]?.series).toBeUndefined();
      expect(await rows(node, 'SELECT v FROM other..m')).toEqual([[5, 5]]);
    };
    await check();
    await node.kill();
    await node.restart();
    await check();
    expect((await write(node, 'm v="now a string" 1')).status).toBe(204);
    expect(await rows(node, 'SELECT v FROM m')).toEqual([[1, 'now a string']]);
  });

  test('a dropped measurement may come back with other types', async () => {
    node = await startCitadel();
    await query(node, 'CREATE DATABASE mydb');
    await write(node, 'm v=1 1');
    await query(node, 'DROP MEASUREMENT m');
    expect(await rows(node, 'SELECT v FROM m')).toEqual([]);
    expect((await write(node, 'm v="s" 2')).status).toBe(204);
    const check = async () => expect(await rows(node, 'SELECT v FROM m')).toEqual([[2, 's']]);
    await check();
    await node.stop();
    await node.restart();
    await check();
  });
});
