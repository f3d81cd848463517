/**
 * What the server does beyond InfluxDB's surface (that is compared with a real one in
 * test/conformance): failures of the node behind it, limits, clients that stall or leave, /create and
 * what the node tells about itself.
 */

import { connect, type Socket } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import type { ScanBlock, ShardPlan } from '../../../src/model/plan.ts';
import {
  type InProcessServer,
  type ServerOptions,
  startInProcessServer,
} from '../../support/in-process-server.ts';

let server: InProcessServer;

async function start(options: ServerOptions = {}): Promise<InProcessServer> {
  server = await startInProcessServer(options);
  await server.catalog.createDatabase('mydb');
  const { id } = server.catalog.view.database('mydb')!;
  await server.catalog.registerFields(id, [{ measurement: 'm', field: 'v', type: 'float' }]);
  return server;
}

afterEach(() => server.stop(100));

function write(body: string | Uint8Array, headers: Record<string, string> = {}) {
  return server.request('/write', { db: 'mydb' }, { method: 'POST', body, headers });
}

function query(q: string, params: Record<string, string> = {}) {
  return server.request('/query', { db: 'mydb', q, ...params }, { method: 'POST' });
}

function open(): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.on('error', () => undefined);
  });
}

function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (part) => {
    text += part.toString();
  });
  return new Promise((resolve) => socket.on('close', () => resolve(text)));
}

/** Blocks of a raw scan: `count` times 1000 rows. */
async function* rows(plan: ShardPlan, count: number): AsyncGenerator<ScanBlock> {
  for (let block = 0; block < count; block++) {
    const times = BigInt64Array.from({ length: 1000 }, (_, i) => BigInt(block * 1000 + i));
    const output = plan.output.kind === 'raw' ? plan.output.columns : [];
    const values = Float64Array.from({ length: 1000 }, (_, i) => i);
    yield {
      kind: 'raw',
      group: plan.dimensions.map(() => ''),
      times,
      columns: output.map(() => ({ type: 'float', values, valid: undefined })),
      series: ['m'],
      seriesOfRow: new Uint32Array(1000),
    };
  }
}

test('the head of a query answer has its names as written, and what a browser asks for', async () => {
  await start();
  const socket = await open();
  const path = '/query?db=mydb&q=SHOW%20DATABASES';
  const origin = 'http://console.example';
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\nConnection: close\r\n\r\n`);
  const [head = ''] = (await readAll(socket)).split('\r\n\r\n');
  const lines = head.split('\r\n');
  expect(lines).toContain('Content-Type: application/json');
  expect(lines).toContain(`Access-Control-Allow-Origin: ${origin}`);
  const names = lines.map((line) => line.split(':')[0]);
  for (const name of ['X-Influxdb-Version', 'X-Influxdb-Build', 'Request-Id', 'X-Request-Id']) {
    expect(names.filter((one) => one === name)).toHaveLength(1);
  }
});

describe('/create', () => {
  test('makes a database, and is content when it is there', async () => {
    await start();
    const first = await server.request('/create', { db: 'new' }, { method: 'POST' });
    expect([first.status, first.json()]).toEqual([
      200,
      { database: 'new', retentionPolicy: 'autogen', created: true },
    ]);
    const again = await server.request('/create', { db: 'new' }, { method: 'POST' });
    expect(again.json()).toMatchObject({ created: false });
    expect(server.catalog.view.database('new')).toBeDefined();
  });

  test('needs a name that may be one, and POST', async () => {
    await start();
    const create = (db: string | undefined, method = 'POST') =>
      server.request('/create', { db }, { method });
    expect((await create(undefined)).text()).toBe('{"error":"database is required"}\n');
    expect((await create('a/b')).text()).toBe('{"error":"invalid name"}\n');
    expect((await create('a/b')).status).toBe(400);
    expect((await create('x', 'GET')).status).toBe(405);
  });
});

describe('/write when the node cannot', () => {
  test.each([
    ['overloaded', 'too much memory', 503, 'too much memory'],
    ['disk-full', 'disk is full', 503, 'disk is full'],
    ['read-only', 'shard is read-only', 503, 'shard is read-only'],
    ['unavailable', 'worker is gone', 500, 'timeout'],
    ['timeout', 'timeout', 500, 'timeout'],
    ['internal', 'bug', 500, 'timeout'],
  ] as const)('%s answers %s: %d %s', async (code, message, status, text) => {
    await start({ env: { log: silent } });
    server.dataNode.onWrite = async () => {
      throw new CitadelError(code, message);
    };
    const answer = await write('m v=1 1');
    expect([answer.status, answer.text()]).toEqual([status, `{"error":"${text}"}\n`]);
    expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
  });

  test('the worst of several shards decides', async () => {
    await start({ env: { log: silent } });
    server.dataNode.onWrite = async ({ shard }) => {
      if (shard === 0) throw new CitadelError('timeout', 'timeout');
      if (shard === 1) throw new CitadelError('overloaded', 'too much');
    };
    const lines = Array.from({ length: 50 }, (_, i) => `m,host=${i} v=1 1`);
    expect((await write(`${lines.join('\n')}\nbad`)).text()).toBe('{"error":"timeout"}\n');
    const shards = new Set(server.dataNode.writes.map(({ shard }) => shard));
    expect([...shards].sort()).toEqual([2, 3]);
  });

  test('points beyond retention are refused, the others kept', async () => {
    await start();
    await server.catalog.createPolicy('mydb', 'short', {
      durationNs: 3_600_000_000_000n,
      makeDefault: true,
    });
    const answer = await write(`m v=1 1\nm v=2 ${Date.now()}000000\nm v=3 2`);
    expect(answer.text()).toBe(
      '{"error":"partial write: points beyond retention policy dropped=2"}\n',
    );
    expect(server.dataNode.writes).toHaveLength(1);
  });

  test('the first line of a request fixes the type of a new field, good lines stay', async () => {
    await start();
    const answer = await write('n a=1 1\nn a=1i 2\nn a="x" 3\nn a=2 4');
    expect(answer.text()).toBe(
      '{"error":"partial write: field type conflict: input field \\"a\\" on measurement \\"n\\" is type integer, already exists as type float dropped=2"}\n',
    );
    const { id } = server.catalog.view.database('mydb')!;
    expect(server.catalog.view.fieldType(id, 'n', 'a')).toBe('float');
    expect(server.dataNode.writes).toHaveLength(1);
  });
});

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silent,
};

describe('bodies', () => {
  test('more than the limit is refused, announced or not, zipped or not', async () => {
    await start({ http: { bodySizeMax: 1000 } });
    expect((await write('\n'.repeat(1000))).status).toBe(204);
    expect((await write('\n'.repeat(1001))).status).toBe(413);
    expect((await write(gzipSync('\n'.repeat(1001)), { 'Content-Encoding': 'gzip' })).status).toBe(
      413,
    );
    const socket = await open();
    const answer = readAll(socket);
    socket.write('POST /write?db=mydb HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n');
    socket.write('Connection: close\r\n\r\n');
    socket.write(`3f0\r\n${'\n'.repeat(1008)}\r\n`);
    expect(await answer).toMatch(
      /^HTTP\/1.1 413 .*\r\n\r\n\{"error":"Request Entity Too Large"\}\n$/s,
    );
  });

  test('a zipped one that is allowed fits, and gives back what it took', async () => {
    await start({ http: { bodySizeMax: 1000, bodiesSizeMax: 1000 } });
    const zipped = gzipSync('\n'.repeat(1000));
    for (let i = 0; i < 5; i++) {
      expect((await write(zipped, { 'Content-Encoding': 'gzip' })).status).toBe(204);
    }
  });

  test('with no limit for one, all together are still bounded, zipped too', async () => {
    await start({ http: { bodySizeMax: Number.MAX_SAFE_INTEGER, bodiesSizeMax: 1000 } });
    const zipped = gzipSync('\n'.repeat(900));
    expect((await write(zipped, { 'Content-Encoding': 'gzip' })).status).toBe(204);
    expect((await write('\n'.repeat(1001))).status).toBe(503);
    const bomb = gzipSync('\n'.repeat(10_000));
    expect((await write(bomb, { 'Content-Encoding': 'gzip' })).status).toBe(503);
  });

  test('those of requests sent in a row are given back when the connection breaks', async () => {
    await start({ http: { bodySizeMax: 1000, bodiesSizeMax: 1000 } });
    const socket = await open();
    let arrived = 0;
    server.dataNode.onWrite = () => new Promise(() => void arrived++);
    const head = 'POST /write?db=mydb HTTP/1.1\r\nHost: x\r\nContent-Length: 300\r\n\r\n';
    socket.write(`${head}m v=1 1${'\n'.repeat(293)}`.repeat(3));
    await expect.poll(() => arrived).toBe(3);
    socket.destroy();
    await expect.poll(async () => (await write('\n'.repeat(1000))).status).toBe(204);
  });

  test('all together take no more than their share, and give it back', async () => {
    await start({ http: { bodySizeMax: 1000, bodiesSizeMax: 1000 } });
    const socket = await open();
    socket.write('POST /write?db=mydb HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n');
    socket.write('\n'.repeat(800));
    const deadline = Date.now() + 5_000;
    let answer = await write('\n'.repeat(300));
    while (answer.status === 204 && Date.now() < deadline) answer = await write('\n'.repeat(300));
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    socket.destroy();
    while (answer.status === 503 && Date.now() < deadline) answer = await write('\n'.repeat(1000));
    expect(answer.status).toBe(204);
  });

  test('an error with control characters still has its header', async () => {
    await start();
    const answer = await write('m\u0001\u007f\n v');
    expect(answer.status).toBe(400);
    expect(answer.headers['x-influxdb-error']).toContain('unable to parse');
    expect(answer.text()).toContain('\\u0001');
  });

  test('what is not HTTP is told so and let go', async () => {
    await start();
    const socket = await open();
    const answer = readAll(socket);
    socket.write('hello\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1.1 400 /);
    expect((await server.request('/ping')).status).toBe(204);
  });
});

describe('/query', () => {
  test('a failing statement keeps its error, later ones are not executed', async () => {
    await start();
    const answer = await query('SHOW DATABASES; SHOW RETENTION POLICIES ON x; SHOW DATABASES');
    expect(answer.json()).toMatchObject({
      results: [
        { statement_id: 0, series: [{ name: 'databases' }] },
        { statement_id: 1, error: 'database not found: x' },
        { statement_id: 2, error: 'not executed' },
      ],
    });
  });

  test('what this release cannot do is said clearly', async () => {
    await start();
    const limited = 'CREATE RETENTION POLICY p ON db DURATION 1d REPLICATION 1 FUTURE LIMIT 1h';
    expect((await query(limited)).text()).toContain(
      'FUTURE LIMIT and PAST LIMIT are not supported',
    );
    expect((await query('DROP SHARD 1')).text()).toContain('cannot drop shard 1: it holds series');
    expect((await query('DROP SHARD 99')).text()).not.toContain('error');
  });

  test('deletes go to every shard, and fields are no condition for them', async () => {
    await start();
    expect((await query("DELETE FROM m WHERE host = 'a' AND time < 10")).text()).toBe(
      '{"results":[{"statement_id":0}]}\n',
    );
    expect(server.dataNode.writes.map(({ shard }) => shard).sort()).toEqual([0, 1, 2, 3]);
    for (const q of ['DELETE FROM m WHERE v = 1', 'DROP SERIES FROM m WHERE time > 1']) {
      expect((await query(q)).text(), q).toMatch(/"error"/);
    }
    expect(
      (await server.request('/query', { q: 'DROP MEASUREMENT m' }, { method: 'POST' })).text(),
    ).toContain('database not found: ');
    expect(server.dataNode.writes).toHaveLength(4);
  });

  test('a dropped measurement loses its types only after its points', async () => {
    await start();
    const { id } = server.catalog.view.database('mydb')!;
    const order: string[] = [];
    server.dataNode.onWrite = async () => {
      order.push(String(server.catalog.view.fieldType(id, 'm', 'v')));
    };
    await query('DROP MEASUREMENT m');
    expect(order).toEqual(['float', 'float', 'float', 'float']);
    expect(server.catalog.view.fields(id, 'm')).toBeUndefined();
  });

  test('a failed delete is an error, and the types stay', async () => {
    await start();
    server.dataNode.onWrite = async ({ shard }) => {
      if (shard === 2) throw new CitadelError('overloaded', 'too much memory');
    };
    expect((await query('DROP MEASUREMENT m')).text()).toContain('too much memory');
    const { id } = server.catalog.view.database('mydb')!;
    expect(server.catalog.view.fields(id, 'm')).toBeDefined();
  });

  test('dropped databases and policies have their data dropped', async () => {
    await start();
    const { id, policies } = server.catalog.view.database('mydb')!;
    await query('DROP RETENTION POLICY autogen ON mydb; DROP DATABASE mydb; DROP DATABASE mydb');
    expect(server.dataNode.dropped).toEqual([
      { dbId: id, rpId: policies[0]!.id },
      { dbId: id, rpId: undefined },
    ]);
  });

  test('a query over its time ends with an error, wherever it hangs', async () => {
    await start({ limits: { queryTimeoutMs: 50 } });
    server.dataNode.onScan = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
    });
    expect((await query('SELECT v FROM m')).text()).toContain('query-timeout limit exceeded');
    expect(server.dataNode.signals[0]?.aborted).toBe(true);
  });

  test('no more queries at once than allowed; the next one may when one has ended', async () => {
    await start({ limits: { maxConcurrentQueries: 1 } });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const scanned = new Promise<void>((resolve) => {
      server.dataNode.onScan = async function* () {
        resolve();
        await held;
        yield* [];
      };
    });
    const first = query('SELECT v FROM m');
    await scanned;
    expect((await query('SHOW DATABASES')).text()).toContain(
      'max-concurrent-queries limit exceeded(1, 1)',
    );
    release();
    await first;
    expect((await query('SHOW DATABASES')).text()).toContain('mydb');
  });

  test('a client that leaves ends its query', async () => {
    await start();
    const ended = new Promise<void>((resolve) => {
      server.dataNode.onScan = (_plan, signal) => ({
        [Symbol.asyncIterator]: () => ({
          next: () =>
            new Promise((_, reject) => {
              signal.addEventListener('abort', () => {
                resolve();
                reject(new CitadelError('cancelled', 'query interrupted'));
              });
              socket.destroy();
            }),
        }),
      });
    });
    const socket = await open();
    socket.write('GET /query?db=mydb&q=SELECT+v+FROM+m HTTP/1.1\r\nHost: x\r\n\r\n');
    await ended;
    const deadline = Date.now() + 5_000;
    let text = '';
    while (!text.includes('citadel_queries_active 0') && Date.now() < deadline) {
      text = (await server.request('/metrics')).text();
    }
    expect(text).toContain('citadel_queries_active 0');
  });

  test('queries sent in a row all end when the connection breaks', async () => {
    await start();
    let hanging = 0;
    server.dataNode.onScan = (_plan, signal) => ({
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise((_, reject) => {
            hanging++;
            signal.addEventListener('abort', () => {
              hanging--;
              reject(new CitadelError('cancelled', 'query interrupted'));
            });
          }),
      }),
    });
    const socket = await open();
    socket.write('GET /query?db=mydb&q=SELECT+v+FROM+m HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5));
    await expect.poll(() => hanging).toBe(5);
    socket.destroy();
    await expect.poll(() => hanging).toBe(0);
    const metrics = async () => (await server.request('/metrics')).text();
    await expect.poll(metrics).toContain('citadel_queries_active 0');
  });

  test('a client that does not read holds the scan back', async () => {
    await start();
    let blocks = 0;
    server.dataNode.onScan = async function* (plan) {
      for await (const block of rows(plan, 20_000)) {
        blocks++;
        yield block;
      }
    };
    const socket = await open();
    socket.pause();
    socket.write('GET /query?db=mydb&q=SELECT+v+FROM+m HTTP/1.1\r\nHost: x\r\n\r\n');
    let before = -1;
    while (blocks === 0 || blocks !== before) {
      before = blocks;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(blocks).toBeLessThan(2_000);
    socket.destroy();
  });

  test('chunks arrive before the scan has ended, zipped too', async () => {
    await start();
    for (const gzip of [false, true]) {
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      server.dataNode.onScan = async function* (plan) {
        yield* rows(plan, 3);
        await held;
        yield* [];
      };
      const socket = await open();
      const url = '/query?db=mydb&q=SELECT+v+FROM+m&chunked=true&chunk_size=1000';
      const accept = gzip ? 'Accept-Encoding: gzip\r\n' : '';
      const first = new Promise<number>((resolve) => {
        let size = 0;
        socket.on('data', (part) => {
          size += part.length;
          if (size > 1000) resolve(size);
        });
      });
      socket.write(`GET ${url} HTTP/1.1\r\nHost: x\r\n${accept}\r\n`);
      expect(await first).toBeGreaterThan(1000);
      release();
      socket.destroy();
    }
  });

  test('a large answer is complete, zipped or not', async () => {
    await start();
    server.dataNode.onScan = (plan) => rows(plan, 200);
    const plain = await query('SELECT v FROM m', { epoch: 'ns' });
    const zipped = await server.request(
      '/query',
      { db: 'mydb', q: 'SELECT v FROM m', epoch: 'ns' },
      { headers: { 'Accept-Encoding': 'gzip' } },
    );
    expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true);
    const { results } = plain.json() as {
      results: { series: { values: [number, number][] }[] }[];
    };
    expect(results[0]?.series[0]?.values).toHaveLength(200_000);
    expect(results[0]?.series[0]?.values.at(-1)).toEqual([199_999, 999]);
  });

  test('a defect fails its query only, and says nothing of itself', async () => {
    const errors: string[] = [];
    await start({ env: { log: { ...silent, error: (event) => void errors.push(event) } } });
    server.dataNode.onScan = () => {
      throw new TypeError('secret detail');
    };
    const answer = await query('SELECT v FROM m; SHOW DATABASES');
    expect(answer.text()).toContain('"error":"internal error"');
    expect(answer.text()).not.toContain('secret');
    expect(errors).toEqual(['query failed']);
  });
});

describe('what the node tells', () => {
  test('/info names the node, its shards and its databases', async () => {
    await start();
    const info = (await server.request('/info')).json();
    expect(info).toMatchObject({
      version: '0.0.0',
      node: { uuid: 'node', dataDir: '/data' },
      cluster: { uuid: 'cluster', shardCount: 4 },
      state: 'ok',
      databases: ['mydb'],
      shards: {
        tstore: [{ shard: 0, primary: 'node', epoch: 1, replicas: ['node'] }, {}, {}, {}],
        kstore: [{ shard: 0, primary: 'node' }, {}, {}, {}],
      },
    });
    expect((await server.request('/info', { pretty: '' })).text()).toMatch(/^\{\n {4}"version"/);
  });

  test('/health fails with the reason', async () => {
    await start();
    expect((await server.request('/health')).json()).toMatchObject({ status: 'pass' });
    server.dataNode.state = 'disk-full';
    const answer = await server.request('/health');
    expect([answer.status, answer.json()]).toMatchObject([
      503,
      { status: 'fail', message: 'the disk is full' },
    ]);
  });

  test('/metrics counts requests, points and queries', async () => {
    await start();
    await write('m v=1 1\nm v=2 2\nbad');
    await write('m v=1i 1');
    await query('SHOW DATABASES');
    const answer = await server.request('/metrics');
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0.0.4/);
    const text = answer.text();
    expect(text).toContain('citadel_points_written_total 2\n');
    expect(text).toContain('citadel_points_dropped_total 1\n');
    expect(text).toContain('citadel_queries_started_total 1\n');
    expect(text).toContain(
      'citadel_http_requests_total{route="/write",method="POST",status="400"} 2',
    );
    expect(text).toContain('citadel_memory_bytes 30');
    expect(text).toContain('nodejs_eventloop_lag_seconds');
  });

  test('/ping may be verbose, /debug/vars has what Telegraf looks for', async () => {
    await start();
    expect((await server.request('/ping', { verbose: 'true' })).text()).toBe(
      '{"version":"1.8.10"}\n',
    );
    expect((await server.request('/ping', { verbose: '0' })).status).toBe(204);
    expect((await server.request('/debug/vars')).json()).toMatchObject({
      queryExecutor: { name: 'queryExecutor', values: { queriesActive: 0 } },
      write: { name: 'write' },
    });
  });
});

describe('stopping', () => {
  test('requests in flight finish, then nobody is listening', async () => {
    await start();
    let release = () => {};
    const begun = new Promise<void>((resolve) => {
      server.dataNode.onWrite = () => {
        resolve();
        return new Promise((done) => {
          release = done;
        });
      };
    });
    const answer = write('m v=1 1');
    await begun;
    const stopped = server.stop(5_000);
    release();
    expect((await answer).status).toBe(204);
    await stopped;
    await expect(server.request('/ping')).rejects.toThrow();
  });

  test('a request that does not finish is cut off in time', async () => {
    await start();
    const begun = new Promise<void>((resolve) => {
      server.dataNode.onWrite = () => {
        resolve();
        return new Promise(() => undefined);
      };
    });
    const answer = write('m v=1 1');
    answer.catch(() => undefined);
    await begun;
    const startMs = Date.now();
    await server.stop(200);
    expect(Date.now() - startMs).toBeLessThan(3_000);
    await expect(answer).rejects.toThrow();
  });
});
