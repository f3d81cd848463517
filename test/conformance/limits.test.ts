/**
 * Goal: the limits of queries are counted and worded as InfluxDB does.
 *
 * Method: a real influxd and a Citadel with the same limits and the same data answer the same queries;
 * bodies are compared. `max-select-point` is compared with its recorded words alone: InfluxDB looks at
 * it every ten seconds, Citadel at every block.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { startCompared } from '../support/compared-citadel.ts';
import {
  type InfluxdLimits,
  type InfluxdProcess,
  influxdInstalled,
  startInfluxd,
} from '../support/influxd-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const startS = 1_700_000_000;

function makeLines(): string {
  const lines: string[] = [];
  for (let host = 0; host < 6; host++) {
    for (let i = 0; i < 10; i++) {
      const tags = `host=h${host},r=r${host % 2}`;
      lines.push(`m,${tags} v=${i * 6 + host},w=${host}i ${startS + i * 60 + host}`);
      if (host < 3) lines.push(`n,host=h${host} v=${i} ${startS + i * 30 + host}`);
      if (host < 3) lines.push(`o,host=h${host} v=${i} ${startS + i * 30 + host}`);
    }
  }
  return lines.join('\n');
}

interface Server {
  readonly request: CitadelProcess['request'];
}

async function load(server: Server): Promise<void> {
  await server.request('/query', { q: 'CREATE DATABASE d' }, { method: 'POST' });
  const body = makeLines();
  const params = { db: 'd', precision: 's' };
  const { status } = await server.request('/write', params, { method: 'POST', body });
  expect(status).toBe(204);
}

async function ask(server: Server, q: string): Promise<string> {
  return (await server.request('/query', { db: 'd', q })).text();
}

interface Pair {
  readonly citadel: CitadelProcess;
  readonly influxd: InfluxdProcess;
}

const started: Pair[] = [];

async function startPair(settings: Readonly<Record<string, string>>): Promise<Pair> {
  const names = Object.keys(settings);
  const args = names.flatMap((name) => [`-${name}`, settings[name]!]);
  const limits: InfluxdLimits = names.map((name) => {
    const value = settings[name]!;
    return `${name} = ${/^\d+$/.test(value) ? value : JSON.stringify(value)}`;
  });
  const citadel = await startCompared({ args });
  const influxd = await startInfluxd(limits).catch(async (error: unknown) => {
    await citadel.cleanUp();
    throw error;
  });
  const pair = { citadel, influxd };
  started.push(pair);
  await Promise.all([load(citadel), load(influxd)]);
  return pair;
}

afterAll(async () => {
  for (const { citadel, influxd } of started) {
    await citadel.cleanUp();
    await influxd.stop();
  }
});

const range = `time >= ${startS}s AND time < ${startS + 600}s`;
const exactly = `time >= ${startS + 40}s AND time < ${startS + 340}s`;

const seriesQueries = [
  'SELECT v FROM m',
  "SELECT v FROM m WHERE host = 'h1'",
  'SELECT v FROM m WHERE host =~ /h[0-3]/',
  'SELECT v FROM m WHERE host =~ /h[0-2]/ GROUP BY host',
  "SELECT v FROM m WHERE host = 'h1' OR host = 'h2' GROUP BY host",
  "SELECT mean(v) FROM m WHERE r = 'r0'",
  'SELECT mean(v) FROM m GROUP BY host',
  'SELECT mean(v), max(w) FROM m',
  "SELECT mean(v), max(w) FROM m WHERE r = 'r1' GROUP BY host",
  'SELECT v FROM n, o GROUP BY host',
  'SELECT v FROM n, m',
  'SELECT v FROM /n|o/ GROUP BY host',
  'SELECT v FROM /.*/',
  'SELECT mean(x) FROM (SELECT v AS x FROM m)',
  'SELECT mean(x) FROM (SELECT v AS x FROM n)',
  'SELECT v FROM m SLIMIT 1',
  'SELECT v FROM m LIMIT 1',
  'SELECT v FROM m WHERE v > 1000',
  'SELECT v FROM m WHERE time < 0',
  'SELECT none FROM m',
  'SELECT v FROM none',
  'SELECT distinct(v) FROM m',
  'SELECT derivative(v) FROM m GROUP BY host',
  'SELECT percentile(v, 50) FROM m',
  'SHOW SERIES',
  'SHOW TAG VALUES WITH KEY = host',
];

const bucketQueries = [
  `SELECT mean(v) FROM n WHERE ${range} GROUP BY time(1m)`,
  `SELECT mean(v) FROM n WHERE ${range} GROUP BY time(2m)`,
  `SELECT mean(v) FROM n WHERE ${range} GROUP BY time(3m)`,
  `SELECT mean(v) FROM n WHERE ${range} GROUP BY time(2m, 1m)`,
  `SELECT mean(v) FROM n WHERE ${range} GROUP BY time(2m) tz('Europe/Berlin')`,
  `SELECT mean(v) FROM n WHERE ${range} GROUP BY time(1ns)`,
  `SELECT mean(v) FROM n WHERE ${range} GROUP BY time(1m) LIMIT 2`,
  `SELECT mean(v) FROM n WHERE ${range} GROUP BY time(1m) fill(none)`,
  `SELECT mean(v) FROM none WHERE ${range} GROUP BY time(1m)`,
  `SELECT mean(v) FROM n WHERE ${exactly} GROUP BY time(1m)`,
  `SELECT mean(v) FROM n WHERE ${exactly} GROUP BY time(1m), host`,
  `SELECT median(v) FROM n WHERE ${exactly} GROUP BY time(1m), host`,
  `SELECT mean(v) FROM n WHERE time >= ${startS + 40}s AND time < ${startS + 341}s GROUP BY time(1m)`,
  `SELECT mean(v) FROM n WHERE time >= ${startS + 60}s AND time <= ${startS + 360}s GROUP BY time(1m)`,
  `SELECT derivative(mean(v)) FROM n WHERE ${range} GROUP BY time(2m)`,
  `SELECT elapsed(v) FROM n WHERE ${range} GROUP BY host`,
  `SELECT mean(x) FROM (SELECT v AS x FROM n) WHERE ${range} GROUP BY time(1m)`,
  `SELECT mean(x) FROM (SELECT max(v) AS x FROM n WHERE ${range} GROUP BY time(1m))`,
];

/** A look at how many queries run takes a place itself, so what comes beside it may have to come again. */
async function askUntilTaken(server: Server, q: string): Promise<string> {
  for (;;) {
    const answer = await ask(server, q);
    if (!answer.includes('max-concurrent-queries')) return answer;
  }
}

describe.runIf(influxdInstalled)('beside a real server', () => {
  let limited: Pair;

  beforeAll(async () => {
    limited = await startPair({ 'max-select-series': '3', 'max-select-buckets': '5' });
  });

  test.each([...seriesQueries, ...bucketQueries])('%s', async (q) => {
    const { citadel, influxd } = limited;
    expect(await ask(citadel, q)).toBe(await ask(influxd, q));
  });

  test('some are over a limit and some are not', async () => {
    const answers = await Promise.all(
      [...seriesQueries, ...bucketQueries].map((q) => ask(limited.citadel, q)),
    );
    const counts = ['max-select-series limit', 'max-select-buckets limit', '"series"'].map(
      (part) => answers.filter((answer) => answer.includes(part)).length,
    );
    expect(Math.min(...counts)).toBeGreaterThan(8);
  });

  /** Much work, and nothing to show before its end. */
  const slow =
    'SELECT count(v) FROM n WHERE time >= 1640000000s AND time < 1730000000s GROUP BY time(1s) ' +
    'LIMIT 1 OFFSET 89999999';

  test('query-timeout and max-concurrent-queries', { timeout: 60_000 }, async () => {
    const settings = { 'query-timeout': '3s', 'max-concurrent-queries': '2' };
    const { citadel, influxd } = await startPair(settings);
    const outcomes = await Promise.all(
      [citadel, influxd].map(async (server) => {
        const running = [askUntilTaken(server, slow), askUntilTaken(server, slow)];
        await expect
          .poll(() => ask(server, 'SHOW DATABASES'), { timeout: 20_000, interval: 10 })
          .toContain('max-concurrent-queries');
        const refused = await ask(server, 'SHOW DATABASES; SHOW DATABASES');
        const chunked = await server.request('/query', { q: 'SHOW USERS', chunked: 'true' });
        return { refused, chunked: chunked.text(), ended: await Promise.all(running) };
      }),
    );
    expect(outcomes[0]).toEqual(outcomes[1]);
    expect(outcomes[0]!.ended[0]).toContain('query-timeout limit exceeded');
  });
});

test('points are counted as they are read', async () => {
  const citadel = await startCompared({ args: ['-max-select-point', '50'] });
  try {
    await load(citadel);
    const words = /"error":"max-select-point limit exceeed: \(\d+\/50\)"/;
    expect(await ask(citadel, 'SELECT v FROM m')).toMatch(words);
    expect(await ask(citadel, 'SELECT mean(v) FROM m')).toMatch(words);
    expect(await ask(citadel, 'SELECT v FROM n')).not.toContain('error');
  } finally {
    await citadel.cleanUp();
  }
});

test('limits come from the environment and from a file too', async () => {
  const directory = makeTempDir('limits');
  const config = join(directory, 'citadel.toml');
  writeFileSync(config, 'max-select-series = 2\n');
  const env = { CITADEL_MAX_SELECT_BUCKETS: '4' };
  const citadel = await startCitadel({ args: ['-config', config], env });
  try {
    await load(citadel);
    expect(await ask(citadel, 'SELECT v FROM n')).toContain(
      'max-select-series limit exceeded: (3/2)',
    );
    const windows = `SELECT mean(v) FROM n WHERE ${exactly} GROUP BY time(1m)`;
    expect(await ask(citadel, windows)).toContain('max-select-buckets limit exceeded: (5/4)');
  } finally {
    await citadel.cleanUp();
    removeTempDir(directory);
  }
});
