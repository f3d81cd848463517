/**
 * What of InfluxDB 2's API InfluxDB 1.8 to 1.12 answer: writes to buckets, deletes, buckets, and Flux, which is
 * switched off. No reference here speaks it: texts and statuses are those of its sources.
 */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HttpResponse } from '../../../support/http-client.ts';
import { type InProcessServer, startInProcessServer } from '../../../support/in-process-server.ts';

let server: InProcessServer;

beforeEach(async () => {
  server = await startInProcessServer();
  await server.catalog.createDatabase('db');
  await server.catalog.createPolicy('db', 'week', {
    durationNs: 604_800_000_000_000n,
    makeDefault: false,
  });
});

afterEach(() => server.stop(100));

function send(method: string, path: string, body?: unknown): Promise<HttpResponse> {
  const text = typeof body === 'string' ? body : body && JSON.stringify(body);
  return server.request(path, {}, { method, ...(text !== undefined && { body: text as string }) });
}

async function answerOf(method: string, path: string, body?: unknown) {
  const answer = await send(method, path, body);
  const text = answer.text();
  return [answer.status, text === '' ? '' : JSON.parse(text)];
}

describe('/api/v2/write', () => {
  test.each([
    ['', 404, 'bucket name "" is missing a slash; not in "database/retention-policy" format'],
    ['bucket=/rp', 404, 'bucket name "/rp" is in db/rp form but has an empty database'],
    ['bucket=none', 404, 'database not found: "none"'],
    ['bucket=db/none', 500, 'retention policy not found: none'],
    ['bucket=db&precision=m', 400, 'invalid precision "m" (use ns, us, ms or s)'],
    ['precision=m', 400, 'invalid precision "m" (use ns, us, ms or s)'],
  ])('?%s is %i', async (parameters, status, error) => {
    expect(await answerOf('POST', `/api/v2/write?${parameters}`, 'm v=1')).toEqual([
      status,
      { error },
    ]);
    expect(server.dataNode.writes).toEqual([]);
  });

  test.each(['db', 'db/', 'db/week'])('to %s', async (bucket) => {
    const answer = await send(
      'POST',
      `/api/v2/write?bucket=${bucket}&org=any&precision=us`,
      'm v=1',
    );
    expect([answer.status, answer.text()]).toEqual([204, '']);
    expect(server.dataNode.writes).toHaveLength(1);
  });
});

test('Flux is switched off, as in InfluxDB 1.8 by default', async () => {
  const answer = await send('POST', '/api/v2/query?org=a', '{"query":"buckets()"}');
  expect([answer.status, answer.headers['content-type'], answer.text()]).toEqual([
    403,
    'text/plain; charset=utf-8',
    'Flux query service disabled. Verify flux-enabled=true in the [http] section of the InfluxDB config.\n',
  ]);
});

describe('/api/v2/delete', () => {
  const range = { start: '1970-01-01T00:00:00Z', stop: '2030-01-01T00:00:00.000000001+01:00' };
  const asked = `database: "db", retention policy: "week", start: "${range.start}", stop: "${range.stop}", predicate:`;
  const onlyEquality = 'delete - predicate only supports equality operators and conjunctions. ';

  test.each([
    [
      '',
      {},
      404,
      'delete - bucket: bucket name "" is missing a slash; not in "database/retention-policy" format',
    ],
    ['none', {}, 404, 'delete - database not found: "none"'],
    ['db/none', {}, 404, 'delete - retention policy not found in "db": "none"'],
    ['db', {}, 400, 'delete - start field in RFC3339Nano format required'],
    ['db', { start: range.start }, 400, 'delete - stop field in RFC3339Nano format required'],
    [
      'db',
      { ...range, start: '2020-02-30T00:00:00Z' },
      400,
      'delete - invalid format for start field "2020-02-30T00:00:00Z", please use RFC3339Nano',
    ],
    [
      'db',
      { ...range, stop: 'now' },
      400,
      'delete - invalid format for stop field "now", please use RFC3339Nano',
    ],
    [
      'db',
      { ...range, predicate: 7 },
      400,
      'delete - cannot parse request body: predicate is no text',
    ],
    ['db/week', { ...range, predicate: 'a != "b"' }, 400, `${onlyEquality}${asked} "a != \\"b\\""`],
    [
      'db/week',
      { ...range, predicate: 'a="b" OR c="d"' },
      400,
      `${onlyEquality}${asked} "a=\\"b\\" OR c=\\"d\\""`,
    ],
    ['db/week', { ...range, predicate: 'a =~ /b/' }, 400, `${onlyEquality}${asked} "a =~ /b/"`],
    ['db/week', { ...range, predicate: 'a = 1' }, 400, `${onlyEquality}${asked} "a = 1"`],
  ])('%s %j is refused', async (bucket, body, status, error) => {
    const path = `/api/v2/delete?bucket=${bucket}`;
    expect(await answerOf('POST', path, body)).toEqual([status, { error }]);
    expect(server.dataNode.writes).toEqual([]);
  });

  test.each([
    ["a='b'; DROP DATABASE db"],
    ["a='b' AND"],
    ["a='b' c"],
    ["_measurement='m' AND _measurement='n'"],
    ["time = '2020-01-01T00:00:00Z'"],
    ["a = b = 'c'"],
  ])('%s is no predicate', async (predicate) => {
    const answer = await send('POST', '/api/v2/delete?bucket=db', { ...range, predicate });
    expect(answer.status).toBe(400);
    expect(server.dataNode.writes).toEqual([]);
  });

  test('a body that is no JSON', async () => {
    const answer = await send('POST', '/api/v2/delete?bucket=db', '{"start"');
    expect([answer.status, answer.text()]).toEqual([
      400,
      expect.stringContaining('delete - cannot parse request body: '),
    ]);
  });

  test('goes to every shard', async () => {
    const answer = await send('POST', '/api/v2/delete?bucket=db/week', range);
    expect([answer.status, answer.text()]).toEqual([200, '']);
    expect(server.dataNode.writes.map(({ shard }) => shard).sort()).toEqual([0, 1, 2, 3]);
  });
});

describe('/api/v2/buckets', () => {
  const never = '0001-01-01T00:00:00Z';

  function bucket(name: string, everySeconds: number, shardGroupDurationSeconds: number) {
    return {
      description: '',
      name,
      retentionRules: [{ type: '', everySeconds, shardGroupDurationSeconds }],
      orgId: '',
      schemaType: 'implicit',
      id: name,
      type: '',
      rp: name.split('/')[1],
      createdAt: never,
      updatedAt: never,
    };
  }

  const autogen = bucket('db/autogen', 0, 604_800);
  const week = bucket('db/week', 604_800, 86_400);

  test('are made, seen, changed and removed', async () => {
    const made = {
      name: 'new/day',
      retentionRules: [{ everySeconds: 86_400, shardGroupDurationSeconds: 7_200 }],
    };
    const day = bucket('new/day', 86_400, 7_200);
    expect(await answerOf('POST', '/api/v2/buckets', made)).toEqual([201, day]);
    expect(await answerOf('GET', '/api/v2/buckets/new%2Fday')).toEqual([200, day]);
    expect(await answerOf('POST', '/api/v2/buckets', { name: 'new/other' })).toEqual([
      201,
      bucket('new/other', 0, 604_800),
    ]);
    const rules = { retentionRules: [{ everySeconds: 172_800, shardGroupDurationSeconds: 3_600 }] };
    expect(await answerOf('PATCH', '/api/v2/buckets/new%2Fday', rules)).toEqual([
      200,
      bucket('new/day', 172_800, 3_600),
    ]);
    expect(await answerOf('DELETE', '/api/v2/buckets/new%2Fday')).toEqual([200, '']);
    expect(await answerOf('GET', '/api/v2/buckets/new%2Fday')).toEqual([
      404,
      { error: 'bucket not found: "new/day"' },
    ]);
    expect(server.dataNode.dropped).toHaveLength(1);
  });

  test.each([
    ['', [autogen, week]],
    ['?limit=1', [autogen]],
    ['?limit=-1', [autogen, week]],
    ['?offset=1', [week]],
    ['?offset=9', []],
    ['?after=db/autogen', [week]],
    ['?name=db/week', [week]],
    ['?id=db/week&name=db/week', [week]],
  ])('list%s', async (parameters, buckets) => {
    expect(await answerOf('GET', `/api/v2/buckets${parameters}`)).toEqual([200, { buckets }]);
  });

  test.each([
    ['GET', '?limit=x', undefined, 400, 'list buckets parameter is not an integer - limit="x"'],
    [
      'GET',
      '?offset=1&after=db/autogen',
      undefined,
      400,
      'list buckets cannot have both "offset" and "after" arguments',
    ],
    [
      'GET',
      '?after=db/none',
      undefined,
      404,
      'list buckets "after" parameter not found: "db/none"',
    ],
    [
      'GET',
      '?name=a/b&id=c/d',
      undefined,
      400,
      'list buckets: name: "a/b" and id: "c/d" do not match',
    ],
    ['GET', '?name=db/none', undefined, 404, 'bucket not found: "db/none"'],
    ['GET', '/db', undefined, 400, 'bucket "db": illegal bucket id, empty retention policy'],
    ['POST', '', { name: 'db' }, 400, 'buckets - illegal bucket name: "db"'],
    [
      'POST',
      '',
      { name: '/x' },
      400,
      'buckets - illegal bucket name: bucket name "/x" is in db/rp form but has an empty database',
    ],
    [
      'POST',
      '',
      { name: 'db/x', rp: 'y' },
      400,
      'buckets - two retention policies specified: "x" differs from "y"',
    ],
    [
      'POST',
      '',
      { name: 'db/week' },
      400,
      'buckets - cannot create bucket "db/week": retention policy already exists',
    ],
    [
      'POST',
      '',
      { name: 'db/x', retentionRules: [{ everySeconds: 60 }] },
      400,
      'buckets - cannot create bucket "db/x": retention policy duration must be at least 1h0m0s',
    ],
    ['PATCH', '/none%2Fx', {}, 400, 'update bucket "none/x": database not found: none'],
    ['DELETE', '/db%2Fnone', undefined, 404, 'delete bucket - not found: "db/none"'],
    ['GET', '/db%2Fweek/labels', undefined, 405, 'bucket labels not supported in this version'],
    ['POST', '/db%2Fweek/members', {}, 405, 'bucket members not supported in this version'],
    [
      'DELETE',
      '/db%2Fweek/owners/1',
      undefined,
      405,
      'bucket owners not supported in this version',
    ],
  ])('%s %s %j is refused', async (method, path, body, status, error) => {
    expect(await answerOf(method, `/api/v2/buckets${path}`, body)).toEqual([status, { error }]);
  });
});
