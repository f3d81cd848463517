/** Cases of statements that change something (cases/), and how their steps are taken on a server. */

import { readFileSync } from 'node:fs';
import type { CitadelProcess } from '../support/citadel-process.ts';
import type { InfluxdProcess } from '../support/influxd-process.ts';

type Server = CitadelProcess | InfluxdProcess;

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

export interface StatementCase {
  readonly about: string;
  readonly steps: readonly Step[];
}

export const statementCases = ['statements', 'administration'].flatMap((name) => {
  const file = new URL(`./cases/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as readonly StatementCase[];
});

async function run(
  server: Server,
  { write, q, db = 'mydb', params = {}, method = 'POST' }: Step,
): Promise<string> {
  const path = write === undefined ? '/query' : '/write';
  const query = { db, ...(q === undefined ? {} : { q, epoch: 'ns' }), ...params };
  const options = method === 'GET' ? {} : { method, body: write ?? '' };
  const answer = await server.request(path, query, options);
  return `${answer.status} ${answer.text()}`;
}

/** A server with the one database `mydb`. */
async function empty(server: Server): Promise<void> {
  const shown = await server.request('/query', { q: 'SHOW DATABASES' });
  const { results } = shown.json() as {
    results: { series: { values?: string[][] }[] }[];
  };
  for (const [name] of results[0]?.series[0]?.values ?? []) {
    await run(server, { q: `DROP DATABASE "${name}"` });
  }
  await run(server, { q: 'CREATE DATABASE mydb' });
}

/** Both servers take the steps; the first answers that are not equal, undefined = all are. */
export async function compareSteps(
  { steps }: StatementCase,
  citadel: CitadelProcess,
  influxd: InfluxdProcess,
): Promise<{ step: string; ours: string; theirs: string } | undefined> {
  await Promise.all([empty(citadel), empty(influxd)]);
  for (const [i, step] of steps.entries()) {
    const [ours, theirs] = await Promise.all([run(citadel, step), run(influxd, step)]);
    if (ours !== theirs) return { step: `step ${i}: ${step.write ?? step.q}`, ours, theirs };
  }
  return undefined;
}
