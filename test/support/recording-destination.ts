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
  /** What the next requests are answered with; undefined = never. */
  answer: number | undefined;
  close(): Promise<void>;
}

export async function listenHttp(): Promise<HttpDestination> {
  const requests: RecordedRequest[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const { answer } = destination;
      if (answer === 204) {
        requests.push({ method, url, headers, body: Buffer.concat(parts).toString() });
      }
      if (answer !== undefined) response.writeHead(answer).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const destination: HttpDestination = {
    port: (server.address() as AddressInfo).port,
    requests,
    answer: 204,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return destination;
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
