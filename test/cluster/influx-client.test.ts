/** The client library most Node programs use for InfluxDB 1.x, against one real node. */

import { FieldType, InfluxDB } from 'influx';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';

let citadel: CitadelProcess;
let client: InfluxDB;

beforeAll(async () => {
  citadel = await startCitadel();
  client = new InfluxDB({
    host: '127.0.0.1',
    port: citadel.port,
    database: 'app',
    schema: [
      {
        measurement: 'response',
        fields: { path: FieldType.STRING, ms: FieldType.INTEGER, load: FieldType.FLOAT },
        tags: ['host'],
      },
    ],
  });
});

afterAll(() => citadel?.cleanUp());

test('pings, creates, writes, queries and drops', async () => {
  const [host] = await client.ping(5_000);
  expect(host).toMatchObject({ online: true, version: '1.8.10' });
  await client.createDatabase('app');
  expect(await client.getDatabaseNames()).toEqual(['app']);
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
  await client.dropDatabase('app');
  expect(await client.getDatabaseNames()).toEqual([]);
});
