/** Destinations of subscriptions inside a test: keep what comes, over HTTP or UDP. */

import { createSocket } from 'node:dgram';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpDestination {
  readonly port: number;
  readonly requests: readonly RecordedRequest[];
  /** What requests are answered with; undefined = not at all, until it is set to something else. */
  answer: number | undefined;
  close(): Promise<void>;
}

export async function listenHttp(): Promise<HttpDestination> {
  const requests: RecordedRequest[] = [];
  /** Not answered yet. */
  const held: (() => void)[] = [];
  let answer: number | undefined = 204;
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const finish = () => {
        if (answer === undefined || response.destroyed) return;
        if (answer === 204) {
          requests.push({ method, url, headers, body: Buffer.concat(parts).toString() });
        }
        response.writeHead(answer).end();
      };
      if (answer === undefined) held.push(finish);
      else finish();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    get answer() {
      return answer;
    },
    set answer(status) {
      answer = status;
      if (status !== undefined) for (const finish of held.splice(0)) finish();
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export interface UdpDestination {
  readonly port: number;
  readonly datagrams: readonly string[];
  close(): Promise<void>;
}

export async function listenUdp(): Promise<UdpDestination> {
  const datagrams: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (bytes) => datagrams.push(bytes.toString()));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    port: socket.address().port,
    datagrams,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
