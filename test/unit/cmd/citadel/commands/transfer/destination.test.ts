/**
 * Goal: a batch is sent until every line of it is stored or refused, whatever servers do meanwhile, and the
 * counts are those of the servers. Method: servers on loopback that answer by a script and keep what they took.
 */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { Destination } from '../../../../../../cmd/citadel/commands/transfer/destination.ts';
import { Servers } from '../../../../../../cmd/client/servers.ts';

type Reply = (body: string, attempt: number) => { status: number; body?: string; after?: string };

const running: Server[] = [];

afterEach(async () => {
  for (const server of running.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Bodies in the order they came. */
async function serve(reply: Reply): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      const { status, body: said = '', after } = reply(body, bodies.length);
      if (after !== undefined) response.setHeader('Retry-After', after);
      response.writeHead(status).end(said);
    });
  });
  running.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}

function open(urls: readonly string[], signal = new AbortController().signal) {
  const notes: string[] = [];
  const destination = new Destination({
    servers: new Servers(urls),
    headers: {},
    patienceMs: 60_000,
    signal,
    note: (message) => void notes.push(message),
  });
  return { destination, notes };
}

const target = { database: 'd', policy: '', precision: 'n' };

function batchOf(lines: readonly string[]) {
  const body = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return { body, count: lines.length, placeOf: (index: number) => `line ${index + 1}` };
}

test('overload is waited out with the same batch, on the next server', async () => {
  const busy = await serve((_, attempt) =>
    attempt < 3 ? { status: 503, after: '1' } : { status: 204 },
  );
  const broken = await serve((_, attempt) => (attempt < 2 ? { status: 500 } : { status: 503 }));
  const { destination, notes } = open([busy.url, broken.url]);
  const batch = batchOf(['m v=1 1', 'm v="a\nb" 2']);
  expect(await destination.write(batch, target)).toEqual({ written: 2, refusals: [] });
  expect(new Set([...busy.bodies, ...broken.bodies])).toEqual(new Set([batch.body.toString()]));
  expect(busy.bodies.length).toBe(3);
  expect(notes.length).toBe(4);
});

test('refused lines are found, one by one, and the others are stored', async () => {
  const stored = new Set<string>();
  const server = await serve((body) => {
    const lines = body.split('\n').filter((line) => line !== '');
    const bad = lines.filter((line) => line.includes('bad'));
    for (const line of lines) if (!line.includes('bad')) stored.add(line);
    if (bad.length === 0) return { status: 204 };
    const error = `partial write: field type conflict: ${bad[0]} dropped=${bad.length}`;
    return { status: 400, body: JSON.stringify({ error }) };
  });
  const lines = Array.from({ length: 100 }, (_, n) =>
    [17, 18, 99].includes(n) ? `bad${n}` : `m${n}`,
  );
  const { written, refusals } = await open([server.url]).destination.write(batchOf(lines), target);
  expect(written).toBe(97);
  expect(stored.size).toBe(97);
  expect(refusals.map(({ place, reason }) => `${place} ${reason}`)).toEqual(
    [17, 18, 99].map((n) => `line ${n + 1} partial write: field type conflict: bad${n} dropped=1`),
  );
});

test('where very many are refused they are counted, not looked for one by one', async () => {
  const server = await serve((body) => {
    const count = body.split('\n').length - 1;
    const error = `partial write: field type conflict dropped=${count}`;
    return { status: 400, body: JSON.stringify({ error }) };
  });
  const lines = Array.from({ length: 4_096 }, (_, n) => `m${n}`);
  const { written, refusals } = await open([server.url]).destination.write(batchOf(lines), target);
  expect(written).toBe(0);
  expect(refusals.reduce((sum, { count }) => sum + count, 0)).toBe(4_096);
  expect(server.bodies.length).toBeLessThan(600);
});

test('a request that is too large is sent in parts', async () => {
  const server = await serve((body) => ({ status: body.length > 50 ? 413 : 204 }));
  const lines = Array.from({ length: 64 }, (_, n) => `m v=${n} ${n}`);
  const { written } = await open([server.url]).destination.write(batchOf(lines), target);
  expect(written).toBe(64);
});

test('a user who may not write is told at once', async () => {
  const server = await serve(() => ({ status: 401, body: '{"error":"authorization failed"}' }));
  const { destination } = open([server.url]);
  await expect(destination.write(batchOf(['m v=1']), target)).rejects.toThrow(
    'cannot write: HTTP 401 {"error":"authorization failed"}',
  );
  expect(server.bodies.length).toBe(1);
});

test('an interruption ends the waiting', async () => {
  const stop = new AbortController();
  const server = await serve(() => {
    stop.abort();
    return { status: 503, after: '10' };
  });
  const { destination } = open([server.url], stop.signal);
  await expect(destination.write(batchOf(['m v=1']), target)).rejects.toThrow(
    'cannot write: HTTP 503',
  );
});
