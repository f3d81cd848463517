/**
 * An HTTP proxy that misbehaves on a schedule: refuses before or after the server has done the work,
 * or drops the connection. What a client sees then says nothing about what was stored.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { httpRequest } from './http-client.ts';

export type Mood = 'honest' | 'refuse-before' | 'refuse-after' | 'drop-after';

export interface FlakyProxy {
  readonly url: string;
  /** Requests spoiled so far. */
  spoiled(): number;
  close(): Promise<void>;
}

/** `moodOf(n, path)` decides on the n-th request. */
export async function startFlakyProxy(
  target: string,
  moodOf: (n: number, path: string) => Mood,
): Promise<FlakyProxy> {
  let requests = 0;
  let spoiled = 0;

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const path = incoming.url ?? '/';
    const mood = moodOf(requests++, path);
    if (mood !== 'honest') spoiled += 1;
    const body = await buffer(incoming);
    if (mood === 'refuse-before') {
      outgoing.writeHead(503).end('{"error":"unavailable"}');
      return;
    }
    const answer = await httpRequest(target + path, { method: incoming.method ?? 'GET', body });
    if (mood === 'drop-after') incoming.socket.destroy();
    else if (mood === 'refuse-after') outgoing.writeHead(500).end('{"error":"internal"}');
    else outgoing.writeHead(answer.status).end(answer.body);
  }

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spoiled: () => spoiled,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
