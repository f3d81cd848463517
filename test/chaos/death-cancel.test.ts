/**
 * Goal: a query ends soon when it is killed, when its client goes, and when its time is over, whatever
 * it is doing: scanning, merging, filling, or waiting for a client that takes nothing.
 *
 * Method: queries that would take minutes, each ended in one way while it is at one kind of work. The
 * bound tells an ended query from one that runs on; `npm run long -- death` prints the latencies.
 */

import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { makeUrl } from '../support/http-client.ts';
import { database, loadDeathRows, startS } from './death-load.ts';

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const endedMsMax = 10_000;
const rows = 300_000;
const prints = process.env.DEATH_REPORT === '1';
const filled = `time >= ${startS - 45_000_000}s AND time < ${startS + 45_000_000}s`;

/** What a query is busy with -> a query that is busy with it for long. */
const works: Readonly<Record<string, string>> = {
  'filling windows on the main thread': `SELECT count(v) FROM m0 WHERE ${filled} GROUP BY time(1s) LIMIT 1 OFFSET 89999999`,
  'one row after the other through subqueries': `SELECT mean(x) FROM (SELECT sum(v) AS x FROM m0 WHERE ${filled} GROUP BY time(1s) fill(0))`,
  'scanning and merging': Array.from(
    { length: 200 },
    () => 'SELECT percentile(v, 50), mode(n) FROM /m.*/ WHERE v * n > 3',
  ).join(';'),
};

/** Much to send at once, so that a client that takes nothing holds it back. */
const large = `SELECT count(v) FROM m0 WHERE ${filled} GROUP BY time(1s)`;

interface Open {
  /** Errors in the answer, once it is complete. */
  readonly ended: Promise<string>;
  readonly response: Promise<IncomingMessage>;
  leave(): void;
}

let server: CitadelProcess;

function start(q: string, takes: boolean): Open {
  const params = { db: database, q, chunked: 'true' };
  const outgoing = request(makeUrl(server.url, '/query', params), { method: 'POST', agent: false });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
  });
  response.catch(() => undefined);
  const ended = response.then(async (incoming) => {
    if (!takes) return '';
    let errors = '';
    for await (const part of incoming) errors += String(part).match(/"error":"[^"]*"/)?.[0] ?? '';
    return errors;
  });
  ended.catch(() => undefined);
  outgoing.end();
  return { ended, response, leave: () => outgoing.destroy() };
}

async function runningIds(): Promise<number[]> {
  const answer = (await server.request('/query', { q: 'SHOW QUERIES' })).json() as {
    readonly results: readonly { readonly series: readonly { readonly values: unknown[][] }[] }[];
  };
  const rowsOf = answer.results[0]?.series[0]?.values ?? [];
  const others = rowsOf.filter(([, text]) => !String(text).startsWith('SHOW QUERIES'));
  return others.map(([id]) => Number(id));
}

async function activeQueries(): Promise<number> {
  const metrics = (await server.request('/metrics')).text();
  return Number(/^citadel_queries_active (\d+)$/m.exec(metrics)?.[1]);
}

/** ms until no query runs. */
async function untilIdle(sinceMs: number): Promise<number> {
  await expect.poll(activeQueries, { timeout: endedMsMax, interval: 10 }).toBe(0);
  return performance.now() - sinceMs;
}

function report(how: string, work: string, ms: number): void {
  if (prints) print(`${how}, ${work}: ${Math.round(ms)} ms`);
}

async function untilRunning(): Promise<number> {
  let id: number | undefined;
  await expect
    .poll(async () => {
      [id] = await runningIds();
      return id;
    })
    .toBeDefined();
  // Past parsing and planning.
  await new Promise((resolve) => setTimeout(resolve, 200));
  return id!;
}

beforeAll(async () => {
  server = await startCitadel();
  await loadDeathRows(server, rows);
}, 120_000);

afterAll(() => server.cleanUp());

describe.each(Object.keys(works))('%s', (work) => {
  test('ends when it is killed', { timeout: 60_000 }, async () => {
    const open = start(works[work]!, true);
    const id = await untilRunning();
    const sinceMs = performance.now();
    await server.request('/query', { q: `KILL QUERY ${id}` }, { method: 'POST' });
    expect(await open.ended).toContain('"error":"query interrupted"');
    report('killed', work, performance.now() - sinceMs);
    await untilIdle(sinceMs);
  });

  test('ends when its client goes', { timeout: 60_000 }, async () => {
    const open = start(works[work]!, true);
    await untilRunning();
    const sinceMs = performance.now();
    open.leave();
    report('left', work, await untilIdle(sinceMs));
  });
});

test('a query that waits for its client ends too', { timeout: 60_000 }, async () => {
  const open = start(large, false);
  const incoming = await open.response;
  incoming.pause();
  const id = await untilRunning();
  const sinceMs = performance.now();
  await server.request('/query', { q: `KILL QUERY ${id}` }, { method: 'POST' });
  report('killed', 'waiting for its client', await untilIdle(sinceMs));
  open.leave();
});

test('a query ends when its time is over, whatever it does', { timeout: 120_000 }, async () => {
  const args = ['-query-timeout', '500ms'];
  await server.stop();
  await server.restart(args);
  for (const [work, q] of Object.entries(works)) {
    const sinceMs = performance.now();
    const text = await start(q, true).ended;
    report('timed out', work, performance.now() - sinceMs - 500);
    expect(text).toContain('"error":"query-timeout limit exceeded"');
    await untilIdle(sinceMs);
  }
  const waiting = start(large, false);
  (await waiting.response).pause();
  await untilIdle(performance.now());
  waiting.leave();
});
