/** Rows for a long query, and the requests that are timed beside it. Used by a test and by a benchmark. */

import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CitadelProcess } from './citadel-process.ts';
import { makeUrl } from './http-client.ts';

const rowsPerBody = 20_000;

/** `rows` points of 100 hosts in database `busy`, measurement m, fields a and b, one second apart. */
export async function loadBusyRows(server: CitadelProcess, rows: number): Promise<void> {
  await server.request('/query', { q: 'CREATE DATABASE busy' }, { method: 'POST' });
  for (let from = 0; from < rows; from += rowsPerBody) {
    const lines: string[] = [];
    for (let i = from; i < Math.min(rows, from + rowsPerBody); i++) {
      lines.push(
        `m,host=h${i % 100} a=${i / 3},b=${i % 1000} ${1_700_000_000 + Math.floor(i / 100)}`,
      );
    }
    const params = { db: 'busy', precision: 's' };
    const body = lines.join('\n');
    const { status, text } = await server.request('/write', params, { method: 'POST', body });
    if (status !== 204) throw new Error(`cannot load: ${status} ${text()}`);
  }
}

/** `share` in [0, 1]. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export interface Timings {
  /** ms each. */
  readonly pings: readonly number[];
  readonly writes: readonly number[];
}

/** Pings every 10 ms and writes every 20 ms as long as asked for; throws when one is refused. */
export async function timeRequests(
  server: CitadelProcess,
  goesOn: () => boolean,
): Promise<Timings> {
  const pings: number[] = [];
  const writes: number[] = [];
  const ping = async () => {
    while (goesOn()) {
      const before = performance.now();
      const { status } = await server.request('/ping');
      if (status !== 204) throw new Error(`ping: ${status}`);
      pings.push(performance.now() - before);
      await sleep(10);
    }
  };
  const write = async () => {
    for (let i = 0; goesOn(); i++) {
      const before = performance.now();
      const request = { method: 'POST', body: `w v=${i}i` };
      const { status, text } = await server.request('/write', { db: 'busy' }, request);
      if (status !== 204) throw new Error(`write: ${status} ${text()}`);
      writes.push(performance.now() - before);
      await sleep(20);
    }
  };
  await Promise.all([ping(), write()]);
  return { pings, writes };
}

/** Runs a query and lets its answer go: keeping a gigabyte would hold up the clock that times the others. */
export function runAndDiscard(server: CitadelProcess, q: string): Promise<void> {
  const url = makeUrl(server.url, '/query', { db: 'busy', q, chunked: 'true' });
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST' }, (incoming) => {
      incoming.resume();
      incoming.on('error', reject);
      incoming.on('end', () => {
        if (incoming.statusCode === 200) resolve();
        else reject(new Error(`query: ${incoming.statusCode}`));
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
