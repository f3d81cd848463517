/**
 * Statements that change something, and what is seen afterwards, against a real InfluxDB 1.6.7: the same
 * steps on both in the same order, the answers compared byte by byte.
 *
 * Each case starts from an empty server pair with the one database `mydb`.
 */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';

interface Step {
  /** Line protocol; else `q` is run. */
  readonly write?: string;
  readonly q?: string;
  /** Default: mydb. */
  readonly db?: string;
  readonly params?: Readonly<Record<string, string>>;
  /** Default: POST. */
  readonly method?: 'GET' | 'POST';
}

interface Case {
  readonly about: string;
  readonly steps: readonly Step[];
}

const cases = ['statements', 'administration'].flatMap((name) => {
  const file = new URL(`./cases/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as readonly Case[];
});

async function run(
  server: CitadelProcess | InfluxdProcess,
  { write, q, db = 'mydb', params = {}, method = 'POST' }: Step,
): Promise<string> {
  const path = write === undefined ? '/query' : '/write';
  const query = { db, ...(q === undefined ? {} : { q, epoch: 'ns' }), ...params };
  const options = method === 'GET' ? {} : { method, body: write ?? '' };
  const answer = await server.request(path, query, options);
  return `${answer.status} ${answer.text()}`;
}

describe.skipIf(!influxdInstalled)('statements as InfluxDB 1.6.7 runs them', () => {
  let citadel: CitadelProcess;
  let influxd: InfluxdProcess;

  beforeAll(async () => {
    const args = ['-allow-changes-by-get', 'true'];
    [citadel, influxd] = await Promise.all([startCitadel({ args }), startInfluxd()]);
  });

  afterAll(async () => {
    await Promise.all([citadel?.cleanUp(), influxd?.stop()]);
  });

  async function empty(server: CitadelProcess | InfluxdProcess): Promise<void> {
    const shown = await server.request('/query', { q: 'SHOW DATABASES' });
    const { results } = shown.json() as {
      results: { series: { values?: string[][] }[] }[];
    };
    for (const [name] of results[0]?.series[0]?.values ?? []) {
      await run(server, { q: `DROP DATABASE "${name}"` });
    }
    await run(server, { q: 'CREATE DATABASE mydb' });
  }

  test.each(cases.map(({ about, steps }) => [about, steps] as const))('%s', async (_, steps) => {
    await Promise.all([empty(citadel), empty(influxd)]);
    for (const [i, step] of steps.entries()) {
      const [ours, theirs] = await Promise.all([run(citadel, step), run(influxd, step)]);
      expect(ours, `step ${i}: ${step.write ?? step.q}`).toBe(theirs);
    }
  });
});
