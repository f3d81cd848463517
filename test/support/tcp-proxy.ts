/**
 * A TCP proxy on the loopback address that can be cut, stalled in both directions, slowed down or closed:
 * what a network between two nodes may do.
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TcpProxy {
  readonly port: number;
  readonly url: string;
  /** Connections accepted so far. */
  connections(): number;
  /** Bytes go nowhere, connections stay: a half-open link, or a peer that was stopped. */
  stall(): void;
  unstall(): void;
  /** Resets every connection; new ones are taken. */
  cut(): void;
  /** Waits so long before it passes on each chunk. */
  delay(ms: number): void;
  /** Stops listening and resets everything: connections are refused. */
  refuse(): Promise<void>;
  /** Listens again, on the same port. */
  accept(): Promise<void>;
  close(): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;
  let connections = 0;
  let delayMs = 0;
  let isStalled = false;
  let wake: (() => void)[] = [];

  async function pass(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from) {
        while (isStalled) await new Promise<void>((resolve) => wake.push(resolve));
        if (delayMs > 0) await sleep(delayMs);
        if (!to.write(chunk as Buffer)) {
          await new Promise<void>((resolve) => {
            to.once('drain', resolve);
            to.once('close', resolve);
          });
        }
      }
      to.end();
    } catch {
      to.resetAndDestroy();
    }
  }

  function onConnection(near: Socket): void {
    connections++;
    const far = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      void pass(socket, other);
    }
  }

  function cut(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  function accept(): Promise<void> {
    return new Promise((resolve, reject) => {
      server = createServer(onConnection);
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        port = (server?.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  function refuse(): Promise<void> {
    const closing = server;
    server = undefined;
    const closed = new Promise<void>((resolve) => {
      if (closing === undefined) resolve();
      else closing.close(() => resolve());
    });
    cut();
    return closed;
  }

  function unstall(): void {
    isStalled = false;
    for (const resolve of wake) resolve();
    wake = [];
  }

  await accept();
  return {
    get port() {
      return port;
    },
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    connections: () => connections,
    stall: () => {
      isStalled = true;
    },
    unstall,
    cut,
    delay: (ms) => {
      delayMs = ms;
    },
    refuse,
    accept,
    close: async () => {
      await refuse();
      unstall();
    },
  };
}
