/** Stands before a server and can stop in the middle of an answer to a query for points, so that whoever reads
 * it is known to be on its way. */

import { createServer, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface StallingProxy {
  readonly url: string;
  /** Resolves when the `nth` query for points from now on (1 = the next) has got a part of its answer, and no more. */
  stallAt(nth: number): Promise<void>;
  close(): Promise<void>;
}

export async function startStallingProxy(target: string): Promise<StallingProxy> {
  let left = 0;
  let onStall: () => void = () => undefined;
  const server = createServer(async (incoming, response) => {
    const body = await buffer(incoming);
    const isStalled = body.includes('GROUP+BY') && left > 0 && --left === 0;
    const { method = 'GET', headers, url = '/' } = incoming;
    const upstream = request(new URL(url, target), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (!isStalled) {
        answer.pipe(response);
        return;
      }
      answer.once('data', (part: Buffer) => {
        answer.pause();
        response.write(part, onStall);
      });
    });
    response.on('close', () => upstream.destroy());
    upstream.on('error', () => response.destroy());
    upstream.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    stallAt: (nth) =>
      new Promise((resolve) => {
        left = nth;
        onStall = resolve;
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
