/**
 * Writes the test points at a steady rate and keeps at each batch until a server acknowledges it.
 *
 * An error that leaves open whether the batch was stored (5xx, a lost connection) is answered by
 * sending the same batch again: points are functions of their number, so repeating is harmless.
 */

import { makeUrl } from '../client/http.ts';
import { type Attempt, attempt, insist } from '../client/insist.ts';
import { Servers } from '../client/servers.ts';
import type { Journal } from './journal.ts';
import type { CheckerOptions } from './options.ts';
import { formatPoint } from './pattern.ts';
import { type OnError, runWrites } from './write-run.ts';

/** How long one batch is tried before it counts as not acknowledged. */
const patienceMs = 120_000;

function post(url: URL, body: string): Promise<Attempt> {
  return attempt(url, { method: 'POST', body });
}

/** POST /create; a server that does not know it is asked in InfluxQL. */
async function createDatabase(server: string, table: string): Promise<Attempt> {
  const created = await post(makeUrl(server, '/create', { db: table }), '');
  if (!created.why.startsWith('HTTP 404')) return created;
  return post(makeUrl(server, '/query', { q: `CREATE DATABASE "${table}"` }), '');
}

function renderBatch({ table, series }: CheckerOptions, from: number, until: number): string {
  let body = '';
  for (let n = from; n < until; n++) {
    body += `${formatPoint(table, n % series, Math.floor(n / series))}\n`;
  }
  return body;
}

/** True when every point was acknowledged. */
export async function writeTstore(options: CheckerOptions, journal: Journal): Promise<boolean> {
  const { table } = options;
  const servers = new Servers(options.urls);
  process.stderr.write(`journal: ${journal.path}\n`);
  const created = await insist({
    servers,
    send: (server) => createDatabase(server, table),
    onError: (server, why) => process.stderr.write(`error ${server}: ${why}\n`),
    patienceMs,
  });
  if (created.outcome !== 'acknowledged') {
    process.stderr.write(`ctchecker: cannot create database ${table}: ${created.why}\n`);
    return false;
  }
  return runWrites(options, journal, async (from, until, onError: OnError) => {
    const body = renderBatch(options, from, until);
    const send = (server: string) =>
      post(makeUrl(server, '/write', { db: table, precision: 'ns' }), body);
    const { outcome } = await insist({ servers, send, onError, patienceMs });
    return outcome === 'acknowledged';
  });
}
