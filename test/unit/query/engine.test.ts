/**
 * Goal: the engine asks the shards for no more than it needs, keeps to its limits, and stops when told.
 */

import { expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import type { QueryPorts } from '../../../src/query/ports.ts';
import { ReferenceStore } from '../../support/reference-store.ts';
import { runQuery } from '../../support/run-query.ts';
import { samplePoints } from './sample-data.ts';

function openStore(limits: Partial<QueryPorts['limits']> = {}): ReferenceStore {
  const none = { maxSelectPoint: 0, maxSelectSeries: 0, maxSelectBuckets: 0 };
  const store = new ReferenceStore({ limits: { ...none, ...limits } });
  store.write(...samplePoints);
  return store;
}

async function outputOf(query: string) {
  const store = openStore();
  await runQuery(store, query);
  return store.plans.map(({ output }) => output);
}

test('the last rows of every group are asked for with a row limit', async () => {
  const query = 'select v from m group by host order by time desc limit 2 offset 1';
  expect(await outputOf(query)).toMatchObject([
    { kind: 'raw', rowLimit: 3, columns: [{ source: 'field', name: 'v', type: 'float' }] },
  ]);
});

test('aggregates whose partials merge are pushed down, with extras of a selector', async () => {
  expect(await outputOf('select mean(v), count(i) from m')).toMatchObject([
    { kind: 'aggregate', aggregates: [{ fn: 'mean' }, { fn: 'count' }], extras: [] },
  ]);
  expect(await outputOf('select max(v), host, i from m')).toMatchObject([
    {
      kind: 'aggregate',
      aggregates: [{ fn: 'max' }],
      extras: [
        { source: 'tag', name: 'host' },
        { source: 'field', name: 'i' },
      ],
    },
  ]);
});

test('the others pull only the columns they need', async () => {
  expect(await outputOf('select median(v), mean(i) from m')).toMatchObject([
    { kind: 'raw', rowLimit: 0, columns: [{ name: 'v' }, { name: 'i' }] },
  ]);
});

test('windows in a zone of one offset are pushed down shifted, over a change of clocks they are not', async () => {
  const winter = "time >= '2020-01-01' and time < '2020-02-01'";
  const query = `select count(v) from m where ${winter} group by time(1d) tz('Europe/Berlin')`;
  expect(await outputOf(query)).toMatchObject([
    { kind: 'aggregate', offsetNs: -3_600_000_000_000n },
  ]);
  const change = "time >= '2020-03-01' and time < '2020-04-01'";
  expect(
    await outputOf(
      `select count(v) from dst where ${change} group by time(1d) tz('Europe/Berlin')`,
    ),
  ).toMatchObject([{ kind: 'raw' }]);
});

const tooMany = (text: string) => `{"results":[{"statement_id":0,"error":"${text}"}]}\n`;

test('limits answer with the words of InfluxDB', async () => {
  expect(await runQuery(openStore({ maxSelectSeries: 5 }), 'select v from m')).toBe(
    tooMany('max-select-series limit exceeded: (6/5)'),
  );
  const windows =
    "select mean(v) from m where time >= '2020-01-01T00:00:00Z' and time < '2020-01-01T00:10:00Z' group by time(1m)";
  expect(await runQuery(openStore({ maxSelectBuckets: 4 }), windows)).toBe(
    tooMany('max-select-buckets limit exceeded: (10/4)'),
  );
  expect(await runQuery(openStore({ maxSelectPoint: 10 }), 'select v from m')).toMatch(
    /max-select-point limit exceeed: \(\d+\/10\)/,
  );
  const fine = { maxSelectSeries: 6, maxSelectPoint: 40, maxSelectBuckets: 10 };
  expect(await runQuery(openStore(fine), 'select v from m limit 1')).not.toContain('error');
});

test('a tiny window over a long time is refused, but not the first rows of it', async () => {
  const query = "select mean(v) from m where time > '2019-01-01' group by time(1ns)";
  expect(await runQuery(openStore(), query)).toContain('max-select-buckets limit exceeded');
  const page = await runQuery(openStore(), `${query} limit 3`);
  expect(JSON.parse(page).results[0].series[0].values).toHaveLength(3);
});

test('a query whose client has gone stops with the reason', async () => {
  const controller = new AbortController();
  controller.abort(new CitadelError('cancelled', 'query interrupted'));
  const answer = await runQuery(openStore(), 'select v from m', { signal: controller.signal });
  expect(answer).toBe(tooMany('query interrupted'));
});

test('now() is the time of the request', async () => {
  const nowNs = 1_577_836_830_000_000_000n;
  const query = 'select count(v) from m where time > now() - 20s';
  const answer = await runQuery(openStore(), `${query} and time <= now()`, { nowNs });
  expect(JSON.parse(answer).results[0].series[0].values).toEqual([
    ['2020-01-01T00:00:10.000000001Z', 3],
  ]);
});

test('retention policies are apart', async () => {
  const store = openStore();
  store.write({ measurement: 'm', policy: 'short', tags: {}, time: 5n, fields: { v: 1 } });
  expect(await runQuery(store, 'select count(v) from short.m')).toContain(
    '[["1970-01-01T00:00:00Z",1]]',
  );
  expect(await runQuery(store, 'select count(v) from m')).toContain(
    '[["1970-01-01T00:00:00Z",40]]',
  );
  expect(await runQuery(store, 'select count(v) from nope.m')).toBe(
    tooMany('retention policy not found: nope'),
  );
});

test('a subquery is read like a measurement: conditions, groups, times', async () => {
  const store = openStore();
  const direct = await runQuery(store, 'select sum(v) from m where v > 1 group by host');
  const nested = 'select sum(w) from (select v as w, host from (select v from m group by host))';
  expect(direct).toContain('"host":');
  expect(await runQuery(store, `${nested} where w > 1 group by host`)).toBe(direct);
  const times = await runQuery(store, 'select v from (select v from m) order by time desc');
  expect(times).toBe(await runQuery(store, 'select v from m order by time desc'));
});
