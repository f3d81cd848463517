/**
 * SHOW QUERIES and KILL QUERY over HTTP: queries that wait for scans which never answer and do not listen
 * either are listed, and end when they are killed.
 */

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ScanBlock } from '../../../../src/model/plan.ts';
import { type InProcessServer, startInProcessServer } from '../../../support/in-process-server.ts';

const endedWithinMs = 100;

let server: InProcessServer;
/** Resolves when the next scan has begun. */
let scanBegun: Promise<void>;

function deafScan(onBegin: () => void): AsyncIterable<ScanBlock> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        onBegin();
        return new Promise<never>(() => undefined);
      },
    }),
  };
}

beforeEach(async () => {
  server = await startInProcessServer();
  const db = await server.catalog.createDatabase('db');
  const fields = [{ measurement: 'm', field: 'v', type: 'float' }] as const;
  await server.catalog.registerFields(db.id, fields);
  scanBegun = new Promise((resolve) => {
    server.dataNode.onScan = () => deafScan(resolve);
  });
});

afterEach(() => server.stop(0));

async function query(q: string): Promise<string> {
  const answer = await server.request('/query', { db: 'db', q }, { method: 'POST' });
  return answer.text();
}

async function listed(): Promise<unknown[][]> {
  const { results } = JSON.parse(await query('SHOW QUERIES')) as {
    results: { series: { values: unknown[][] }[] }[];
  };
  return results[0]?.series[0]?.values ?? [];
}

test('a query under way is listed, killed in time, and gone', async () => {
  const answer = query("SELECT v FROM m WHERE t = 'x'; SELECT v FROM m");
  await scanBegun;
  const [first, second] = await listed();
  expect(first?.slice(0, 3)).toEqual([1, "SELECT v FROM m WHERE t = 'x';\nSELECT v FROM m", 'db']);
  expect(first?.[3]).toMatch(/^\d+(µs|ms|s)$/);
  expect(first?.[4]).toBe('running');
  expect(second?.slice(0, 3)).toEqual([2, 'SHOW QUERIES', 'db']);
  const startedMs = performance.now();
  expect(await query('KILL QUERY 1')).toBe('{"results":[{"statement_id":0}]}\n');
  expect(await answer).toBe(
    '{"results":[{"statement_id":0,"error":"query interrupted"},{"statement_id":1,"error":"not executed"}]}\n',
  );
  expect(performance.now() - startedMs).toBeLessThan(endedWithinMs);
  expect(await listed()).toHaveLength(1);
  expect(await query('KILL QUERY 1')).toContain('"error":"no such query id: 1"');
});

test('numbers that no query has are refused in words', async () => {
  expect(await query('KILL QUERY 18446744073709551615')).toContain(
    '"error":"no such query id: 18446744073709551615"',
  );
});

test('passwords are not shown', async () => {
  const shown = await query("CREATE USER ann WITH PASSWORD 'secret'; SHOW QUERIES");
  expect(shown).toContain('CREATE USER ann WITH PASSWORD [REDACTED];\\nSHOW QUERIES');
  expect(shown).not.toContain('secret');
});

test('a query that kills itself ends there', async () => {
  expect(await query('KILL QUERY 1; CREATE DATABASE never')).toContain('query interrupted');
  expect(server.catalog.view.database('never')).toBeUndefined();
});
