/**
 * Goal: after a pause nothing is changed before it shows who is still there, and not for those who are not; requests that
 * come later, or only read, are not held up. Method: the real application on a real port; the test holds clock and beats.
 */

import { type ClientRequest, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Env, Log } from '../../../../src/env/env.ts';
import { createApp } from '../../../../src/http/server/app.ts';
import { watchPauses } from '../../../../src/http/server/pause-watch.ts';
import { BodyCollector } from '../../../../src/http/server/request-body.ts';
import { waitUntil } from '../../../support/citadel-cluster.ts';

const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => log,
};

let app: FastifyInstance;
let nowMs: number;
let beat: () => void;
let arrived: number;
let carriedOut: string[];
/** What an answer in hand waits for. */
let release: () => void;
let inHand: Promise<void>;

beforeEach(async () => {
  nowMs = 1_000;
  arrived = 0;
  carriedOut = [];
  inHand = new Promise((resolve) => {
    release = resolve;
  });
  const clock = { monotonicMs: () => nowMs } as Env['clock'];
  const every = (_: number, run: () => void) => {
    beat = run;
    return { cancel: () => undefined };
  };
  const timers = { every } as Env['timers'];
  app = createApp(new BodyCollector(1_000, 10_000, () => undefined), log);
  watchPauses(app, { clock, timers, log });
  app.addHook('preParsing', async () => void arrived++);
  app.get('/read', async () => 'read');
  app.post('/write', async () => {
    carriedOut.push('write');
    return 'written';
  });
  app.post('/slow', async (asked) => {
    await inHand;
    const isAbandoned = await asked.isAbandoned?.();
    carriedOut.push(`slow ${isAbandoned}`);
    return '';
  });
  const listening: Promise<string> = app.listen({ port: 0, host: '127.0.0.1' });
  await listening;
});
afterEach(() => app.close());

interface Sent {
  readonly outgoing: ClientRequest;
  readonly status: Promise<number>;
}

async function send(method: string, path: string): Promise<Sent> {
  const { port } = app.server.address() as AddressInfo;
  const before = arrived;
  const outgoing = request({ port, method, path, agent: false });
  const status = new Promise<number>((resolve) => {
    outgoing.on('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    outgoing.on('error', () => resolve(0));
  });
  outgoing.end();
  await waitUntil('the request has come', async () => arrived > before);
  return { outgoing, status };
}

function beats(count: number): void {
  for (let i = 0; i < count; i++) {
    nowMs += 50;
    beat();
  }
}

/** The client closes its connection, and the server hears of it. */
async function leave({ outgoing, status }: Sent): Promise<void> {
  const open = () =>
    new Promise<number>((resolve) => app.server.getConnections((_, count) => resolve(count)));
  const before = await open();
  outgoing.destroy();
  expect(await status).toBe(0);
  await waitUntil('the connection is gone', async () => (await open()) < before);
}

test('without a pause nothing waits, and it does not matter who is there', async () => {
  beats(3);
  expect(await (await send('POST', '/write')).status).toBe(200);
  const slow = await send('POST', '/slow');
  await leave(slow);
  release();
  await waitUntil('it is carried out', async () => carriedOut.length === 2);
  expect(carriedOut).toEqual(['write', 'slow undefined']);
});

test('after a pause what changes something waits for some beats; what reads does not', async () => {
  nowMs += 1_500;
  const write = await send('POST', '/write');
  expect(await (await send('GET', '/read')).status).toBe(200);
  beats(4);
  expect(carriedOut).toEqual([]);
  beats(1);
  expect(await write.status).toBe(200);
  expect(await (await send('POST', '/write')).status).toBe(200);
});

test('what somebody asked who has gone is not carried out', async () => {
  nowMs += 1_500;
  const gone = await send('POST', '/write');
  const there = await send('POST', '/write');
  await leave(gone);
  beats(5);
  expect(await there.status).toBe(200);
  expect(carriedOut).toEqual(['write']);
});

test('a request that was in hand knows whether it was given up', async () => {
  const gone = await send('POST', '/slow');
  const there = await send('POST', '/slow');
  nowMs += 1_500;
  beat();
  release();
  await leave(gone);
  expect(carriedOut).toEqual([]);
  beats(5);
  expect(await there.status).toBe(200);
  await waitUntil('both know', async () => carriedOut.length === 2);
  expect(carriedOut.sort()).toEqual(['slow false', 'slow true']);
});
