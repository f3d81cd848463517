/**
 * Prometheus' remote storage against a real InfluxDB 1.6.7: the same requests to both, then what they hold and what
 * they answer to remote reads.
 *
 * Left out, because the reference changed later: infinite values (refused there, left out since 1.8) and expressions
 * that match a part of a label (they stand for the whole of it since 1.8).
 */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { startCompared } from '../support/compared-citadel.ts';
import type { HttpResponse } from '../support/http-client.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';
import {
  decodeReadResponse,
  encodeReadRequest,
  encodeWriteRequest,
  type PromMatcher,
  type PromSeries,
  pack,
} from '../support/prom-messages.ts';
import { exportCells } from './exported-cells.ts';

type Server = Pick<CitadelProcess, 'request'>;

const startMs = 1_600_000_000_000;
const dayMs = 86_400_000;
const headers = { 'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'snappy' };

function post(server: Server, path: string, params: Record<string, string>, body: Uint8Array) {
  return server.request(path, params, { method: 'POST', body, headers });
}

function write(server: Server, params: Record<string, string>, body: Uint8Array) {
  return post(server, '/api/v1/prom/write', params, body);
}

/** Labels and values as real exporters have them, and worse. */
const labelValues = fc.oneof(
  fc.constantFrom('a', 'b', 'node-1:9100', 'GET /x?y=1,2', 'say "hi"', 'ä ö', '0.95', '+Inf', ''),
  fc.stringMatching(/^[a-z ,=]{1,6}$/),
);
const series = fc.record({
  labels: fc
    .dictionary(fc.constantFrom('job', 'instance', 'le', 'code', 'a_b'), labelValues)
    .chain((labels) =>
      fc.constantFrom('up', 'http_requests_total', 'go:gc_seconds', 'm x').map((name) => ({
        ...labels,
        __name__: name,
      })),
    ),
  samples: fc.array(
    fc.tuple(
      fc.oneof(fc.double({ noDefaultInfinity: true }), fc.integer().map(Number)),
      fc.integer({ min: startMs, max: startMs + 10 * dayMs }),
    ),
    { minLength: 1, maxLength: 20 },
  ),
});
const stored: readonly PromSeries[] = [
  { labels: { job: 'nameless' }, samples: [[1, startMs]] },
  {
    labels: { __name__: 'edge' },
    samples: [
      [0, -5],
      [-0, 0],
      [5e-324, 1],
    ],
  },
  {
    labels: { __name__: 'edge', z: '1', a: '2' },
    samples: [
      [Number.NaN, 1],
      [1.5, 2],
      [2.5, 2],
    ],
  },
];

function sortSeries(answer: readonly PromSeries[]): string[] {
  return answer
    .map(({ labels, samples }) => {
      const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
      return JSON.stringify([sorted, samples]);
    })
    .sort();
}

function describeRead(answer: HttpResponse) {
  const { status, headers: sent } = answer;
  const types = [sent['content-type'], sent['content-encoding']];
  if (status !== 200) return { status, types, body: answer.text() };
  return { status, types, results: decodeReadResponse(answer.body).map(sortSeries) };
}

describe.skipIf(!influxdInstalled)('Prometheus remote storage as InfluxDB 1.6.7 has it', () => {
  let citadel: CitadelProcess;
  let influxd: InfluxdProcess;

  beforeAll(async () => {
    [citadel, influxd] = await Promise.all([startCompared(), startInfluxd()]);
    const given = [...stored, ...fc.sample(series, { numRuns: 150, seed: 7 })];
    for (const server of [citadel, influxd]) {
      const q =
        'CREATE DATABASE prom; CREATE RETENTION POLICY other ON prom DURATION INF REPLICATION 1';
      await server.request('/query', { q }, { method: 'POST' });
      for (const part of [given.slice(0, 40), given.slice(40)]) {
        const answer = await write(server, { db: 'prom' }, pack(encodeWriteRequest(part)));
        expect([answer.status, answer.text()]).toEqual([204, '']);
      }
      const odd = encodeWriteRequest([{ labels: { __name__: 'up' }, samples: [[7, startMs]] }]);
      await write(server, { db: 'prom', rp: 'other' }, pack(odd));
      await server.request(
        '/write',
        { db: 'prom' },
        {
          method: 'POST',
          body: `typed,job=a value=1i ${startMs}000000\nby_line,job=a value=3,other=4 ${startMs}000000`,
        },
      );
    }
  });

  afterAll(async () => {
    await Promise.all([citadel?.cleanUp(), influxd?.stop()]);
  });

  test('both hold the same points', async () => {
    const [ours, theirs] = await Promise.all([
      exportCells(citadel, 'prom'),
      exportCells(influxd, 'prom'),
    ]);
    expect(ours.length).toBeGreaterThan(500);
    expect(ours).toEqual(theirs);
    expect(await exportCells(citadel, 'prom', 'other')).toEqual(
      await exportCells(influxd, 'prom', 'other'),
    );
  });

  const good = pack(encodeWriteRequest(stored));
  test.each([
    ['no database', {}, good],
    ['an unknown database', { db: 'no"ne' }, good],
    ['an unknown policy', { db: 'prom', rp: 'none' }, good],
    ['a level that is none', { db: 'prom', consistency: 'some' }, good],
    [
      'a field of another type',
      { db: 'prom' },
      pack(encodeWriteRequest([{ labels: { __name__: 'typed' }, samples: [[1, startMs]] }])),
    ],
    [
      'a label named time',
      { db: 'prom' },
      pack(encodeWriteRequest([{ labels: { __name__: 'm', time: 'x' }, samples: [[1, startMs]] }])),
    ],
    ['no series', { db: 'prom' }, pack(encodeWriteRequest([]))],
    ['an empty body', { db: 'prom' }, new Uint8Array(0)],
    ['a body that is not packed', { db: 'prom' }, Buffer.from('up 1 2')],
    ['a packed body cut short', { db: 'prom' }, good.subarray(0, good.length - 9)],
  ] as const)('write: %s', async (_, params, body) => {
    const [ours, theirs] = await Promise.all(
      [citadel, influxd].map((one) => write(one, params, body)),
    );
    expect([ours!.status, ours!.text()]).toEqual([theirs!.status, theirs!.text()]);
    expect(ours!.headers['x-influxdb-error']).toEqual(theirs!.headers['x-influxdb-error']);
  });

  test('write: a message that is none, or is too large, is refused and stores nothing', async () => {
    const before = await exportCells(citadel, 'prom');
    for (const bytes of [[0xff], [0x0a, 0x7f], [0x0a, 0x02, 0x12, 0x09], [0x00]]) {
      const body = pack(Uint8Array.from(bytes));
      const answers = await Promise.all(
        [citadel, influxd].map((one) => write(one, { db: 'prom' }, body)),
      );
      expect(answers.map(({ status }) => status)).toEqual([400, 400]);
    }
    // Says that it unpacks to 4 GB: refused before any memory is taken.
    const bomb = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
    expect((await write(citadel, { db: 'prom' }, bomb)).status).toBe(413);
    expect(await exportCells(citadel, 'prom')).toEqual(before);
  });

  const all = { startMs, endMs: startMs + 10 * dayMs };
  const named = (value: string, type = 0): PromMatcher => ({ type, name: '__name__', value });
  const label = (type: number, name: string, value: string): PromMatcher => ({ type, name, value });
  test.each([
    ['one metric', { ...all, matchers: [named('up')] }],
    ['a metric nobody has', { ...all, matchers: [named('none')] }],
    ['no metrics like these', { ...all, matchers: [named('^(?:u.*|e.*)$', 3)] }],
    ['a label', { ...all, matchers: [named('up'), label(0, 'job', 'a')] }],
    [
      'a label with odd characters',
      { ...all, matchers: [named('up'), label(0, 'instance', 'say "hi"')] },
    ],
    ['a label that is not there', { ...all, matchers: [named('up'), label(0, 'job', '')] }],
    ['another label', { ...all, matchers: [named('up'), label(1, 'job', 'a')] }],
    ['any label', { ...all, matchers: [named('up'), label(1, 'job', '')] }],
    ['a label by expression', { ...all, matchers: [named('up'), label(2, 'job', '^(?:a|b)$')] }],
    ['no label like this', { ...all, matchers: [named('up'), label(3, 'job', '^(?:a|b)$')] }],
    [
      'several conditions',
      { ...all, matchers: [label(0, 'job', 'a'), named('up'), label(1, 'le', 'a')] },
    ],
    ['without a metric', { ...all, matchers: [label(0, 'job', 'nameless')] }],
    ['an integer', { ...all, matchers: [named('typed')] }],
    ['a metric written as a line', { ...all, matchers: [named('by_line')] }],
    ['a short time', { startMs, endMs: startMs + dayMs, matchers: [named('up')] }],
    ['times around the epoch', { startMs: -5, endMs: 1, matchers: [named('edge')] }],
    ['the last ms alone', { startMs: 2, endMs: 2, matchers: [named('edge')] }],
    ['no time at all', { startMs: 10, endMs: 5, matchers: [named('edge')] }],
    ['no conditions', { ...all, matchers: [] }],
  ])('read: %s', async (_, query) => {
    const body = pack(encodeReadRequest([query]));
    const [ours, theirs] = await Promise.all(
      [citadel, influxd].map((one) => post(one, '/api/v1/prom/read', { db: 'prom' }, body)),
    );
    expect(describeRead(ours!)).toEqual(describeRead(theirs!));
  });

  async function readOurs(...matchers: PromMatcher[]): Promise<string[]> {
    const body = pack(encodeReadRequest([{ ...all, matchers }]));
    const answer = await post(citadel, '/api/v1/prom/read', { db: 'prom' }, body);
    return sortSeries(decodeReadResponse(answer.body)[0]!);
  }

  // The reference panics at these.
  test('read: several metrics at once are what each of them is alone', async () => {
    const [up, edge] = [await readOurs(named('up')), await readOurs(named('edge'))];
    expect(await readOurs(named('u.|edge', 2))).toEqual([...up, ...edge].sort());
    const others = await Promise.all(
      ['edge', 'http_requests_total', 'go:gc_seconds', 'm x', 'by_line'].map((name) =>
        readOurs(named(name)),
      ),
    );
    const nameless = await readOurs(label(0, 'job', 'nameless'), named('up', 1));
    expect(await readOurs(named('up', 1))).toEqual([...others.flat(), ...nameless].sort());
  });

  test('read: of another policy', async () => {
    const body = pack(encodeReadRequest([{ ...all, matchers: [named('up')] }]));
    const params = { db: 'prom', rp: 'other' };
    const [ours, theirs] = await Promise.all(
      [citadel, influxd].map((one) => post(one, '/api/v1/prom/read', params, body)),
    );
    expect(describeRead(ours!)).toEqual(describeRead(theirs!));
    expect(decodeReadResponse(ours!.body)[0]).toHaveLength(1);
  });

  test.each([
    ['two queries', pack(encodeReadRequest([all, all].map((one) => ({ ...one, matchers: [] }))))],
    ['none', pack(encodeReadRequest([]))],
    ['a body that is not packed', Buffer.from('what is this')],
  ])('read: %s', async (_, body) => {
    const [ours, theirs] = await Promise.all(
      [citadel, influxd].map((one) => post(one, '/api/v1/prom/read', { db: 'prom' }, body)),
    );
    expect(describeRead(ours!)).toEqual(describeRead(theirs!));
  });
});
