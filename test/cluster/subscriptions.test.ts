/**
 * Goal: destinations of subscriptions get what InfluxDB's own subscriber would send them, over HTTP and UDP, and a
 * real InfluxDB as a destination holds the same points; a destination that hangs or refuses holds nobody up.
 * Method: the built server, a real InfluxDB, real sockets. The tests share the servers, each has a database of its own.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeText } from '../../src/base/text.ts';
import { LineParser } from '../../src/lineprotocol/lineprotocol.ts';
import { waitUntil } from '../support/citadel-cluster.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';
import { type HttpDestination, listenHttp, listenUdp } from '../support/recording-destination.ts';
import { plainRows } from '../unit/lineprotocol/parsed-rows.ts';

type Server = Pick<CitadelProcess | InfluxdProcess, 'request'>;

const patienceMs = 60_000;
const testMs = 4 * patienceMs;
const cleanUps: (() => Promise<unknown>)[] = [];

let server: CitadelProcess;
/** Keeps little of its log for destinations. */
let scarce: CitadelProcess;
let influxd: InfluxdProcess | undefined;
let testCount = 0;
/** Of the test. */
let db: string;

beforeAll(async () => {
  [server, scarce, influxd] = await Promise.all([
    startCitadel(),
    startCitadel({ args: ['-subscription-log-size', '64KiB'] }),
    influxdInstalled ? startInfluxd() : undefined,
  ]);
}, testMs);

beforeEach(() => {
  db = `my db ${++testCount}`;
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

afterAll(async () => {
  await Promise.all([server?.cleanUp(), scarce?.cleanUp(), influxd?.stop()]);
});

async function startHttp(): Promise<HttpDestination> {
  const destination = await listenHttp();
  cleanUps.push(() => destination.close());
  return destination;
}

async function startUdp() {
  const destination = await listenUdp();
  cleanUps.push(() => destination.close());
  return destination;
}

async function ask(of: Server, q: string, database?: string): Promise<string> {
  const params = { db: database, q, epoch: 'ns' };
  const answer = await of.request('/query', params, { method: 'POST' });
  expect(answer.text()).not.toContain('"error"');
  return answer.text();
}

async function write(to: Server, body: string, rp?: string): Promise<void> {
  const answer = await to.request('/write', { db, rp }, { method: 'POST', body });
  expect(answer.status, answer.text()).toBe(204);
}

/** Until the end of the test. */
async function subscribe(to: Server, mode: string, ...urls: string[]): Promise<void> {
  await ask(to, `CREATE DATABASE "${db}" WITH NAME "r p"`);
  const list = urls.map((url) => `'${url}'`).join(', ');
  await ask(to, `CREATE SUBSCRIPTION s ON "${db}"."r p" DESTINATIONS ${mode} ${list}`);
  cleanUps.push(() => ask(to, `DROP DATABASE "${db}"`));
}

const bodies = [
  'cpu,b=2,a=x\\ y v=1.50,i=-3i,s="a\\"b\\\\c\nd,=",t=T 1700000000000000001\ncpu v=1e21 2\ncpu v=-0 1',
  'm\\ n,k\\==\\,v f\\ g=0.0000001,s="" -5\ncpu,b=2,a=x\\ y v=2,i=9223372036854775807i 1700000000000000002',
  'é,h=日 s="😀",b=false 1600000000000000000',
];

/** Each point once, whatever the order and the text. */
function pointsOf(texts: readonly string[]): string[] {
  const rows = texts.flatMap((text) => {
    const options = { database: 'db', precision: 'ns', nowNs: 0n } as const;
    const slice = new LineParser().parse(encodeText(text), options);
    expect([slice.errors, slice.dropped]).toEqual([[], []]);
    return plainRows(slice).map(({ series, time, cells }) => {
      const fields = cells.map(([name, type, value]) => {
        return `${name} ${type} ${Object.is(value, -0) ? '-0' : String(value)}`;
      });
      return `${series} ${time} ${fields.sort().join('|')}`;
    });
  });
  return [...new Set(rows)].sort();
}

const written = pointsOf(bodies);

describe.skipIf(!influxdInstalled)('beside InfluxDB', () => {
  test(
    'requests and datagrams are those of InfluxDB’s own subscriber',
    async () => {
      const seen = await Promise.all(
        [influxd!, server].map(async (one) => {
          const [http, udp] = [await startHttp(), await startUdp()];
          const urls = [
            `http://bob:p%40w@127.0.0.1:${http.port}/pre/fix`,
            `udp://127.0.0.1:${udp.port}`,
          ];
          await subscribe(one, 'ALL', ...urls);
          for (const body of bodies) await write(one, body);
          // A policy that nobody subscribed to.
          await ask(one, `CREATE RETENTION POLICY other ON "${db}" DURATION INF REPLICATION 1`);
          await write(one, 'unwanted v=1', 'other');
          const sent = () => http.requests.map(({ body }) => body);
          const areAllThere = async () =>
            pointsOf(sent()).length >= written.length && udp.datagrams.length >= written.length;
          await waitUntil('all points delivered', areAllThere, patienceMs);
          expect(pointsOf(udp.datagrams)).toEqual(written);
          expect(udp.datagrams.some((text) => text.endsWith('\n'))).toBe(false);
          expect(udp.datagrams).toHaveLength(written.length);
          expect(pointsOf(sent())).toEqual(written);
          return http.requests.map(({ method, url, headers }) => ({
            method,
            url,
            agent: headers['user-agent'],
            type: headers['content-type'],
            credentials: headers.authorization,
          }));
        }),
      );
      const [theirs, ours] = seen.map((requests) => [
        ...new Set(requests.map((one) => JSON.stringify(one))),
      ]);
      expect(theirs).toHaveLength(1);
      expect(ours).toEqual(theirs);
    },
    testMs,
  );

  test(
    'an InfluxDB that is a destination answers queries alike',
    async () => {
      const destination = influxd!;
      await ask(destination, `CREATE DATABASE "${db}" WITH NAME "r p"`);
      await subscribe(server, 'ALL', destination.url);
      const many = Array.from({ length: 3_000 }, (_, i) => {
        return `many,host=h${i % 7},dc=d\\ ${i % 3} f=${i / 7},i=${i}i,s="t \\"${i}\\"",b=${i % 2 === 0} ${1_700_000_000_000_000_000 + i * 1_000}`;
      });
      for (const body of [...bodies, many.join('\n')]) await write(server, body);
      const queries = [
        'SELECT * FROM /.*/',
        'SELECT count(f), sum(i), max(f) FROM many GROUP BY host',
        'SHOW FIELD KEYS',
        'SHOW SERIES',
      ];
      const answers = async (of: Server) => Promise.all(queries.map((q) => ask(of, q, db)));
      const expected = await answers(server);
      const areEqual = async () => (await answers(destination)).join() === expected.join();
      await waitUntil('the same answers', areEqual, patienceMs);
      const stats = await ask(server, "SHOW STATS FOR 'subscriber'");
      expect(stats).toMatch(/"values":\[\[0,0,0,0,\d+,\d+\]\]/);
    },
    testMs,
  );
});

test(
  'ANY: bodies go to the destinations in turn, past one that is dead',
  async () => {
    const [first, second] = [await startHttp(), await startHttp()];
    const dead = await startHttp();
    await dead.close();
    const urls = [dead, first, second].map(({ port }) => `http://127.0.0.1:${port}`);
    await subscribe(server, 'ANY', ...urls);
    const lines: string[] = [];
    const haveBothGot = async () => {
      // Points that come together may go together: there must be several bodies.
      lines.push(`a,n=${lines.length} v=1 1`);
      await write(server, lines.at(-1)!);
      return first.requests.length > 0 && second.requests.length > 0;
    };
    await waitUntil('both have got something', haveBothGot, patienceMs);
    const got = () => [...first.requests, ...second.requests].map(({ body }) => body);
    const areAllThere = async () => pointsOf(got()).length === lines.length;
    await waitUntil('all points delivered', areAllThere, patienceMs);
    expect(pointsOf(got())).toEqual(pointsOf(lines));
  },
  testMs,
);

async function readMetric(of: CitadelProcess, name: string): Promise<number> {
  const text = (await of.request('/metrics')).text();
  const line = text.split('\n').find((one) => one.startsWith(`citadel_subscription_${name}{`));
  return Number(line?.split('} ')[1]);
}

test(
  'a destination that hangs holds nobody up; its subscription can be dropped at any time',
  async () => {
    const destination = await startHttp();
    destination.answer = undefined;
    await subscribe(server, 'ALL', `http://user:secret@127.0.0.1:${destination.port}`);
    for (let i = 0; i < 50; i++) await write(server, `a,n=${i % 20} v=${i} ${i}`);
    await ask(server, `DROP SUBSCRIPTION s ON "${db}"."r p"`);
    expect(await ask(server, 'SHOW SUBSCRIPTIONS')).not.toContain('destinations');
    expect(await readMetric(server, 'up')).toBeNaN();
    expect(server.stderr()).not.toContain('secret');
  },
  testMs,
);

test(
  'what the log cannot keep for a destination that fails and hangs is counted and said; the rest comes',
  async () => {
    const destination = await startHttp();
    destination.answer = 500;
    await subscribe(scarce, 'ALL', `http://127.0.0.1:${destination.port}`);
    await write(scarce, 'first v=1 1');
    const hasFailed = async () => (await readMetric(scarce, 'failures_total')) > 0;
    await waitUntil('an attempt failed', hasFailed, patienceMs);
    // From here on nothing fails, so that it is not left alone for longer and longer.
    destination.answer = undefined;
    const filler = 'x'.repeat(1_000);
    for (let from = 0; from < 200; from += 10) {
      const lines = Array.from({ length: 10 }, (_, i) => {
        return `big,n=${i} s="${filler}" ${from + i}`;
      });
      await write(scarce, lines.join('\n'));
    }
    const isTrimmed = async () => {
      const log = (await scarce.request('/metrics')).text().match(/^citadel_log_bytes (\d+)/m);
      return Number(log?.[1]) <= 64 * 1024;
    };
    await waitUntil('the log is within its bound', isTrimmed, patienceMs);
    destination.answer = 204;
    await write(scarce, 'last v=1 1');
    const hasCome = async () =>
      destination.requests.some(({ body }) => body.includes('last v=1 1'));
    await waitUntil('the last point came', hasCome, patienceMs);
    const wasCounted = async () => (await readMetric(scarce, 'entries_dropped_total')) > 0;
    await waitUntil('the loss was counted', wasCounted, patienceMs);
    expect(scarce.stderr()).toContain('log entries gone before they were sent');
  },
  testMs,
);

test(
  'a destination that refuses by content loses only that; one that fails gets all when it is back',
  async () => {
    const destination = await startHttp();
    await subscribe(server, 'ALL', `http://127.0.0.1:${destination.port}`);
    destination.answer = 400;
    await write(server, 'a v=1 1');
    const isRefused = async () => (await readMetric(server, 'points_refused_total')) === 1;
    await waitUntil('the point was refused', isRefused, patienceMs);
    destination.answer = 503;
    await write(server, 'a v=2 2\na v=3 3');
    const hasFailed = async () => (await readMetric(server, 'failures_total')) > 1;
    await waitUntil('some attempts failed', hasFailed, patienceMs);
    expect(await readMetric(server, 'up')).toBe(0);
    expect(await readMetric(server, 'lag_entries')).toBeGreaterThan(0);
    await server.kill();
    destination.answer = 204;
    await server.restart();
    // The refused one may come again: its cursor need not have been saved before the kill.
    const wanted = pointsOf(['a v=2 2', 'a v=3 3']);
    const areThere = async () => {
      const got = pointsOf(destination.requests.map(({ body }) => body));
      return wanted.every((point) => got.includes(point));
    };
    await waitUntil('the points are there', areThere, patienceMs);
    const isCaughtUp = async () => (await readMetric(server, 'lag_entries')) === 0;
    await waitUntil('nothing is behind', isCaughtUp, patienceMs);
  },
  testMs,
);
