/**
 * The client libraries that most Node programs use: of InfluxDB 1.x (npm `influx`), and of InfluxDB 2, which writes to
 * /api/v2/write, with and without a login. Both against the same real nodes.
 */

import { HttpError, InfluxDB, Point } from '@influxdata/influxdb-client';
import { FieldType, InfluxDB as InfluxClient } from 'influx';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';

const timesNs = {
  ns: '1600000000000000001',
  us: '1600000000000001',
  ms: '1600000000001',
  s: '1600000001',
};
const storedNs = [
  '1600000000000000001',
  '1600000000000001000',
  '1600000000001000000',
  '1600000001000000000',
];

let citadel: CitadelProcess;
let guarded: CitadelProcess;

beforeAll(async () => {
  [citadel, guarded] = await Promise.all([
    startCitadel({ args: ['-fsync', 'never'] }),
    startCitadel({ args: ['-fsync', 'never', '-auth-enabled', 'true'] }),
  ]);
});

afterAll(() => Promise.all([citadel?.cleanUp(), guarded?.cleanUp()]));

describe('@influxdata/influxdb-client', () => {
  beforeAll(async () => {
    const create =
      'CREATE DATABASE app; CREATE RETENTION POLICY week ON app DURATION INF REPLICATION 1';
    const admin = { u: 'root', p: 'secret' };
    const first = `CREATE USER root WITH PASSWORD 'secret' WITH ALL PRIVILEGES`;
    await guarded.request('/query', { q: first }, { method: 'POST' });
    const users =
      "CREATE USER ann WITH PASSWORD 'pass'; GRANT WRITE ON app TO ann; CREATE USER bob WITH PASSWORD 'pass'";
    await citadel.request('/query', { q: create }, { method: 'POST' });
    await guarded.request('/query', { q: `${create}; ${users}`, ...admin }, { method: 'POST' });
  });

  function writeApi(
    server: CitadelProcess,
    token: string,
    bucket: string,
    precision: 'ns' | 'us' | 'ms' | 's',
  ) {
    const options = { maxRetries: 0 };
    return new InfluxDB({ url: server.url, token }).getWriteApi('any', bucket, precision, options);
  }

  test('points in every precision, to a policy and to the default one', async () => {
    for (const [precision, time] of Object.entries(timesNs)) {
      for (const bucket of ['app', 'app/week']) {
        const api = writeApi(citadel, '', bucket, precision as keyof typeof timesNs);
        api.useDefaultTags({ region: 'e, u' });
        api.writePoint(
          new Point('job')
            .tag('host', 'a b')
            .floatField('load', 0.5)
            .intField('n', 7)
            .booleanField('ok', true)
            .stringField('text', 'say "hi"')
            .timestamp(time),
        );
        await api.close();
      }
    }
    for (const rp of ['autogen', 'week']) {
      const params = { db: 'app', rp, epoch: 'ns', q: 'SELECT * FROM job' };
      const answer = await citadel.request('/query', params);
      const rows = storedNs.map((time) => `[${time},"a b",0.5,7,true,"e, u","say \\"hi\\""]`);
      expect(answer.text()).toContain(
        `"columns":["time","host","load","n","ok","region","text"],"values":[${rows.join(',')}]`,
      );
    }
  });

  test('/api/v2/delete removes what its predicate says, from the policy of the bucket alone', async () => {
    const lines = ['a', 'b'].flatMap((host) =>
      [1, 2, 3].flatMap((time) => [
        `gone,host=${host} v=1 ${time}`,
        `kept,host=${host} v=1 ${time}`,
      ]),
    );
    for (const rp of ['autogen', 'week']) {
      const params = { db: 'app', rp, precision: 's' };
      await citadel.request('/write', params, { method: 'POST', body: lines.join('\n') });
    }
    const body = JSON.stringify({
      start: '1970-01-01T00:00:01Z',
      stop: '1970-01-01T00:00:03Z',
      predicate: '_measurement="gone" AND (host = \'a\')',
    });
    const bucket = { bucket: 'app/week', org: 'any' };
    const answer = await citadel.request('/api/v2/delete', bucket, { method: 'POST', body });
    expect([answer.status, answer.text()]).toEqual([200, '']);
    const q = 'SELECT count(v) FROM gone, kept GROUP BY host';
    const counts = async (rp: string) => {
      const found = await citadel.request('/query', { db: 'app', rp, q });
      return [...found.text().matchAll(/Z",(\d)\]/g)].map((match) => Number(match[1]));
    };
    expect(await counts('autogen')).toEqual([3, 3, 3, 3]);
    expect(await counts('week')).toEqual([1, 3, 3, 3]);
  });

  test('a user and a password are a token', async () => {
    const api = writeApi(guarded, 'ann:pass', 'app/autogen', 's');
    api.writeRecord('m v=1 1600000000');
    await api.close();
    const params = { u: 'root', p: 'secret', db: 'app', q: 'SELECT count(v) FROM m' };
    expect((await guarded.request('/query', params)).text()).toContain(
      '["1970-01-01T00:00:00Z",1]',
    );
  });

  test.each([
    ['a wrong password', 'ann:wrong', 'app', 401],
    ['nobody', '', 'app', 401],
    ['a user without the right', 'bob:pass', 'app', 403],
    ['an unknown bucket', 'ann:pass', 'none/autogen', 404],
  ])('%s is refused', async (_, token, bucket, status) => {
    const api = writeApi(guarded, token, bucket, 's');
    api.writeRecord('m v=2 1600000000');
    const failure = await api.close().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(HttpError);
    expect((failure as HttpError).statusCode).toBe(status);
  });
});

test('npm influx: pings, creates, writes, queries and drops', async () => {
  const client = new InfluxClient({
    host: '127.0.0.1',
    port: citadel.port,
    database: 'old',
    schema: [
      {
        measurement: 'response',
        fields: { path: FieldType.STRING, ms: FieldType.INTEGER, load: FieldType.FLOAT },
        tags: ['host'],
      },
    ],
  });
  const [host] = await client.ping(5_000);
  expect(host).toMatchObject({ online: true, version: '1.8.10' });
  await client.createDatabase('old');
  expect(await client.getDatabaseNames()).toContain('old');
  await client.createRetentionPolicy('week', { duration: '7d', replication: 1, isDefault: true });
  const points = Array.from({ length: 100 }, (_, i) => ({
    measurement: 'response',
    tags: { host: `h, ${i % 2}` },
    fields: { path: `/a "${i}"`, ms: i, load: i / 3 },
    timestamp: new Date(Date.now() - i * 1_000),
  }));
  await client.writePoints(points);
  const rows = await client.query<{ host: string; total: number }>(
    'SELECT sum(ms) AS total FROM response GROUP BY host',
  );
  expect(rows.map(({ host: name, total }) => [name, total])).toEqual([
    ['h, 0', 2450],
    ['h, 1', 2500],
  ]);
  const [last] = await client.query<{ path: string; load: number }>(
    'SELECT path, load FROM response ORDER BY time DESC LIMIT 1',
  );
  expect(last).toMatchObject({ path: '/a "0"', load: 0 });
  expect(await client.getMeasurements()).toEqual(['response']);
  expect(await client.getSeries()).toHaveLength(2);
  expect((await client.showRetentionPolicies()).map(({ name }) => name)).toEqual([
    'autogen',
    'week',
  ]);
  await expect(client.query('SELECT sum(')).rejects.toThrow('error parsing query');
  await client.dropMeasurement('response');
  expect(await client.getMeasurements()).toEqual([]);
  await client.dropDatabase('old');
  expect(await client.getDatabaseNames()).not.toContain('old');
});
