/** Real sockets that listen: what comes is handed over, errors name the address, and a close is the end. */

import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Connection, Listener } from '../../../../src/env/listeners.ts';
import { nodeListeners } from '../../../../src/env/node/node-listeners.ts';

const host = '127.0.0.1';
const open: Listener[] = [];

afterEach(async () => {
  for (const listener of open.splice(0)) await listener.close();
});

function kept(listener: Listener): Listener {
  open.push(listener);
  return listener;
}

const quiet = { receiveBufferBytes: 0, onDatagram: () => undefined, onError: () => undefined };
const idle = { connectionsMax: 2, idleMs: 60_000, onConnection: () => undefined };

test('datagrams come one by one, to a buffer of the size asked for', async () => {
  let finish: (text: string) => void = () => undefined;
  const arrived = new Promise<string>((resolve) => {
    finish = resolve;
  });
  const listener = kept(
    await nodeListeners.listenDatagrams({
      ...quiet,
      host,
      port: 0,
      receiveBufferBytes: 65_536,
      onDatagram: (bytes) => finish(Buffer.from(bytes).toString()),
    }),
  );
  const socket = createSocket('udp4');
  socket.send('a v=1\nb v=2', listener.port, host);
  expect(await arrived).toBe('a v=1\nb v=2');
  socket.close();
});

test('a stream ends with its connection; more connections than may be are closed', async () => {
  const connections: Connection[] = [];
  let seen: () => void = () => undefined;
  const listener = kept(
    await nodeListeners.listenStreams({
      ...idle,
      host,
      port: 0,
      connectionsMax: 1,
      onConnection: (connection) => {
        connections.push(connection);
        seen();
      },
    }),
  );
  const first = new Promise<void>((resolve) => {
    seen = resolve;
  });
  const socket = connect(listener.port, host);
  await first;
  const refused = connect(listener.port, host);
  refused.on('error', () => undefined);
  await new Promise((resolve) => refused.once('close', resolve));
  expect(connections).toHaveLength(1);
  socket.end('some bytes');
  const parts: Uint8Array[] = [];
  for await (const part of connections[0]!.parts) parts.push(part);
  expect(Buffer.concat(parts).toString()).toBe('some bytes');
});

test('a close cuts open connections, and may be said twice', async () => {
  let seen: () => void = () => undefined;
  const accepted = new Promise<void>((resolve) => {
    seen = resolve;
  });
  const listener = await nodeListeners.listenStreams({
    ...idle,
    host,
    port: 0,
    onConnection: seen,
  });
  const socket: Socket = connect(listener.port, host);
  socket.on('error', () => undefined);
  const cut = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  await accepted;
  await Promise.all([listener.close(), listener.close(), cut]);
});

test('an address that cannot be had is named', async () => {
  const udp = kept(await nodeListeners.listenDatagrams({ ...quiet, host, port: 0 }));
  const tcp = kept(await nodeListeners.listenStreams({ ...idle, host, port: 0 }));
  await expect(nodeListeners.listenDatagrams({ ...quiet, host, port: udp.port })).rejects.toThrow(
    `cannot listen on ${host}:${udp.port}: address already in use`,
  );
  await expect(nodeListeners.listenStreams({ ...idle, host, port: tcp.port })).rejects.toThrow(
    `cannot listen on ${host}:${tcp.port}: address already in use`,
  );
  await expect(
    nodeListeners.listenStreams({ ...idle, host: '192.0.2.1', port: 0 }),
  ).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('192.0.2.1:0') });
});
