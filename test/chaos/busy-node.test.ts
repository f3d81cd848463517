/**
 * A long query must not be felt: pings stay quick and writes go on while a scan runs for many seconds.
 *
 * Method: a query over millions of points, repeated until its time is up; meanwhile a ping every few
 * milliseconds, timed here, and a writer that must not be held up.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';

const queryMs = Number(process.env.TEST_BUSY_MS ?? 8_000);
const started: CitadelProcess[] = [];

afterEach(async () => {
  for (const server of started.splice(0)) await server.cleanUp();
});

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

async function fill(server: CitadelProcess, rows: number): Promise<void> {
  const rowsPerBody = 20_000;
  for (let from = 0; from < rows; from += rowsPerBody) {
    const lines: string[] = [];
    for (let i = from; i < from + rowsPerBody; i++) {
      lines.push(
        `m,host=h${i % 100} a=${i / 3},b=${i % 1000} ${1_700_000_000 + Math.floor(i / 100)}`,
      );
    }
    const params = { db: 'busy', precision: 's' };
    const body = lines.join('\n');
    const { status, text } = await server.request('/write', params, { method: 'POST', body });
    expect(status, text()).toBe(204);
  }
}

test('pings and writes do not feel a long query', async () => {
  const server = await startCitadel();
  started.push(server);
  await server.request('/query', { q: 'CREATE DATABASE busy' }, { method: 'POST' });
  await fill(server, 600_000);
  const end = performance.now() + queryMs;
  const pings: number[] = [];
  const writes: number[] = [];
  let queries = 0;

  const query = async () => {
    const q =
      'SELECT mean(a), stddev(b), percentile(a, 90) FROM m WHERE a * b > 1 AND time >= 1700000000s ' +
      'AND time < 1700006000s GROUP BY time(1m), host';
    while (performance.now() < end) {
      const { status } = await server.request('/query', { db: 'busy', q, chunked: 'true' });
      expect(status).toBe(200);
      queries++;
    }
  };
  const ping = async () => {
    while (performance.now() < end) {
      const before = performance.now();
      await server.request('/ping');
      pings.push(performance.now() - before);
      await sleep(10);
    }
  };
  const write = async () => {
    for (let i = 0; performance.now() < end; i++) {
      const before = performance.now();
      const body = `w v=${i}i`;
      const { status } = await server.request('/write', { db: 'busy' }, { method: 'POST', body });
      expect(status).toBe(204);
      writes.push(performance.now() - before);
      await sleep(20);
    }
  };
  await Promise.all([query(), query(), ping(), write()]);

  expect(queries).toBeGreaterThan(0);
  expect(pings.length).toBeGreaterThan(50);
  process.stderr.write(
    `${queries} queries, ping p99 ${percentile(pings, 0.99)} max ${percentile(pings, 1)}, write p99 ${percentile(writes, 0.99)}\n`,
  );
  expect(percentile(pings, 0.99)).toBeLessThan(50);
  expect(percentile(writes, 0.99)).toBeLessThan(250);
});
