/** Sockets that listen for datagrams and for streams of bytes. */

import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { CitadelError } from '../../base/errors.ts';
import type {
  Connection,
  DatagramOptions,
  Listener,
  Listeners,
  ListenPlace,
  StreamOptions,
} from '../listeners.ts';

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'no such address here',
  ENOTFOUND: 'no such address here',
  EAI_AGAIN: 'no such address here',
};

function explain(error: Error, { host, port }: ListenPlace): CitadelError {
  const code = 'code' in error ? String(error.code) : '';
  const address = `${host.includes(':') ? `[${host}]` : host || '*'}:${port}`;
  const reason = reasons[code] ?? error.message;
  return new CitadelError('unavailable', `cannot listen on ${address}: ${reason}`, {
    cause: error,
  });
}

/** Without a host on all addresses, of both families. */
function bindAddress({ host }: ListenPlace): string {
  return host === '' ? '::' : host;
}

function listenDatagrams(options: DatagramOptions): Promise<Listener> {
  const { receiveBufferBytes, onDatagram, onError, port } = options;
  const address = bindAddress(options);
  const socket = createSocket({
    type: address.includes(':') ? 'udp6' : 'udp4',
    ...(receiveBufferBytes > 0 && { recvBufferSize: receiveBufferBytes }),
  });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= new Promise((resolve) => socket.close(() => resolve()));
    return closed;
  };
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => {
      void close();
      reject(explain(error, options));
    };
    socket.once('error', refuse);
    socket.bind({ address, port }, () => {
      socket.off('error', refuse);
      socket.on('error', onError);
      socket.on('message', onDatagram);
      resolve({ port: socket.address().port, close });
    });
  });
}

/** A broken connection ends as one that was closed: nobody can be told. */
async function* partsOf(socket: Socket): AsyncGenerator<Uint8Array> {
  try {
    for await (const part of socket) yield part as Uint8Array;
  } catch {
    // What came before it broke has been handed over.
  } finally {
    socket.destroy();
  }
}

function connectionOf(socket: Socket): Connection {
  return { parts: partsOf(socket) };
}

function closeServer(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of open) socket.destroy();
  });
}

function listenStreams(options: StreamOptions): Promise<Listener> {
  const { connectionsMax, idleMs, onConnection, port } = options;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    socket.setTimeout(idleMs, () => socket.destroy());
    onConnection(connectionOf(socket));
  });
  server.maxConnections = connectionsMax;
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= closeServer(server, open);
    return closed;
  };
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(explain(error, options)));
    server.listen({ host: bindAddress(options), port }, () => {
      resolve({ port: (server.address() as AddressInfo).port, close });
    });
  });
}

export const nodeListeners: Listeners = { listenDatagrams, listenStreams };
