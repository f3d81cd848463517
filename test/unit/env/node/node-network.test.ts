/** Requests and datagrams to real servers on loopback, and what becomes of them when nobody is there. */

import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { nodeNetwork } from '../../../../src/env/node/node-network.ts';
import { findFreePort } from '../../../support/free-port.ts';
import { listenUdp } from '../../../support/recording-destination.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
const never = new AbortController().signal;
const body = new TextEncoder().encode('m v=1 1\n');

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function listen(
  answer: (
    request: IncomingMessage,
    text: string,
    end: (status: number, text: string) => void,
  ) => void,
): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => {
      text += part;
    });
    request.on('end', () =>
      answer(request, text, (status, reply) => response.writeHead(status).end(reply)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

test('a post: path, headers, credentials of the URL, body; status and the beginning of the answer', async () => {
  const seen: unknown[] = [];
  const { url } = await listen(({ method, url: path, headers }, text, end) => {
    seen.push([method, path, headers.authorization, headers['user-agent'], text]);
    end(400, 'x'.repeat(100_000));
  });
  const request = {
    url: `http://ann:a%40b@${url}/p/write?db=x`,
    headers: { 'User-Agent': 'u' },
    body,
    timeoutMs: 30_000,
  };
  const answer = await nodeNetwork.post(request, never);
  const credentials = `Basic ${Buffer.from('ann:a@b').toString('base64')}`;
  expect(seen).toEqual([['POST', '/p/write?db=x', credentials, 'u', 'm v=1 1\n']]);
  expect(answer.status).toBe(400);
  expect(answer.text).toBe('x'.repeat(4096));
});

test('nobody there, no answer in time, and a request that is not wanted any more, told apart', async () => {
  const port = await findFreePort();
  const request = { headers: {}, body, timeoutMs: 30_000 };
  const refused = nodeNetwork.post({ ...request, url: `http://127.0.0.1:${port}/` }, never);
  await expect(refused).rejects.toMatchObject({
    code: 'unavailable',
    message: 'connection refused',
  });
  const { url } = await listen(() => undefined);
  const late = nodeNetwork.post({ ...request, url: `http://${url}/`, timeoutMs: 50 }, never);
  await expect(late).rejects.toMatchObject({ code: 'timeout' });
  const abort = new AbortController();
  const cancelled = nodeNetwork.post({ ...request, url: `http://${url}/` }, abort.signal);
  abort.abort();
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
});

test('a connection that the server closed while nothing was sent is replaced without an error', async () => {
  const { url, server } = await listen((_request, _text, end) => end(204, ''));
  const request = { url: `http://${url}/`, headers: {}, body, timeoutMs: 30_000 };
  for (let i = 0; i < 5; i++) {
    expect((await nodeNetwork.post(request, never)).status).toBe(204);
    server.closeIdleConnections();
  }
});

test('datagrams arrive one by one; one that is too large is told, and that nobody listens', async () => {
  const destination = await listenUdp();
  cleanUps.push(() => destination.close());
  const sender = await nodeNetwork.openDatagrams('localhost', destination.port);
  await sender.send(new TextEncoder().encode('a'));
  await sender.send(new TextEncoder().encode('b'));
  await sender.settle();
  await expect.poll(() => destination.datagrams, { timeout: 60_000 }).toEqual(['a', 'b']);
  await expect(sender.send(new Uint8Array(70_000))).rejects.toMatchObject({ code: 'too-large' });
  sender.close();
  const nobody = await nodeNetwork.openDatagrams('127.0.0.1', await findFreePort());
  const told = (async () => {
    await nobody.send(new Uint8Array(1));
    await nobody.settle();
    // At the latest with the next one.
    await nobody.send(new Uint8Array(1));
  })();
  await expect(told).rejects.toMatchObject({ code: 'unavailable' });
  nobody.close();
  await expect(nodeNetwork.openDatagrams('no-such-host.invalid', 1)).rejects.toMatchObject({
    code: 'unavailable',
  });
});
