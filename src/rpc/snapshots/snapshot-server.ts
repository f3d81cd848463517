/**
 * Serves snapshots over HTTP/1.1 on a port of its own: `GET /snapshot/<kind>/<shard>`. The socket's pace
 * holds the producer back; a producer that needs time is covered by frames that say the stream is alive.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { CitadelError } from '../../base/errors.ts';
import type { StoreKind } from '../../model/cluster.ts';
import type { PeerInbox, RpcOptions, RpcTls } from '../contract.ts';
import { checkGreeting, greetingHeader } from '../greeting.ts';
import { Pace } from './pace.ts';
import {
  encodeEnd,
  encodeFailure,
  encodeFrameHeader,
  frameKind,
  streamHeader,
} from './snapshot-frames.ts';

const connectionsMax = 256;
const aliveMs = 2_000;
/** A receiver that takes nothing for so long is gone. */
const stuckMs = 60_000;
const headersTimeoutMs = 10_000;
const pathPattern = /^\/snapshot\/(tstore|kstore)\/(\d{1,9})$/;
const emptyBody = new Uint8Array();

export interface SnapshotServerOptions extends RpcOptions {
  readonly inbox: PeerInbox;
  /** Undefined = as fast as it goes. */
  readonly snapshotBytesPerSecond?: number | undefined;
}

export interface SnapshotServer {
  readonly port: number;
  close(graceMs: number): Promise<void>;
}

class SnapshotAnswer {
  readonly #options: SnapshotServerOptions;
  readonly #response: ServerResponse;
  readonly #controller = new AbortController();

  constructor(options: SnapshotServerOptions, response: ServerResponse) {
    this.#options = options;
    this.#response = response;
    response.once('close', () => this.#controller.abort());
    response.setTimeout(stuckMs, () => response.destroy());
  }

  /** Everything that goes wrong is told in the stream. */
  async run(request: IncomingMessage): Promise<void> {
    try {
      const pieces = this.#open(request);
      this.#response.writeHead(200, { 'content-type': 'application/octet-stream' });
      await this.#write(streamHeader());
      const count = await this.#sendPieces(pieces);
      await this.#frame(frameKind.end, encodeEnd(count));
      this.#response.end();
    } catch (error) {
      this.#fail(error);
    }
  }

  #open(request: IncomingMessage): AsyncIterable<Uint8Array> {
    const header = request.headers[greetingHeader];
    checkGreeting(typeof header === 'string' ? header : undefined, this.#options.identity);
    const match = pathPattern.exec(request.url ?? '');
    if (match === null || request.method !== 'GET') {
      throw new CitadelError('not-found', 'only GET /snapshot/<kind>/<shard> is served here');
    }
    const open = this.#options.inbox.openSnapshot;
    if (open === undefined) {
      throw new CitadelError('unavailable', 'snapshots are not served yet; retry shortly');
    }
    return open(match[1] as StoreKind, Number(match[2]), this.#controller.signal);
  }

  async #sendPieces(pieces: AsyncIterable<Uint8Array>): Promise<number> {
    const { env, snapshotBytesPerSecond } = this.#options;
    const { signal } = this.#controller;
    const pace = new Pace(env, snapshotBytesPerSecond);
    const alive = env.timers.every(aliveMs, () => this.#sayAlive());
    let count = 0;
    try {
      for await (const piece of pieces) {
        if (signal.aborted) break;
        await pace.wait(piece.length, signal);
        await this.#frame(frameKind.piece, piece);
        count++;
      }
    } finally {
      alive.cancel();
    }
    if (signal.aborted) throw new CitadelError('cancelled', 'the receiver left');
    return count;
  }

  /** Only between pieces, and only if the socket takes it: then nothing is under way. */
  #sayAlive(): void {
    if (this.#response.writableNeedDrain || this.#controller.signal.aborted) return;
    this.#response.write(encodeFrameHeader(frameKind.alive, emptyBody));
  }

  async #frame(kind: number, body: Uint8Array): Promise<void> {
    this.#response.cork();
    this.#response.write(encodeFrameHeader(kind, body));
    const taken = this.#write(body);
    this.#response.uncork();
    await taken;
  }

  /** Resolves when there is room for more. @throws CitadelError `cancelled` when the receiver left */
  #write(bytes: Uint8Array): Promise<void> {
    const response = this.#response;
    if (response.write(bytes)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = () => {
        response.off('drain', settle);
        response.off('close', settle);
        if (response.destroyed) reject(new CitadelError('cancelled', 'the receiver left'));
        else resolve();
      };
      response.once('drain', settle);
      response.once('close', settle);
    });
  }

  #fail(error: unknown): void {
    if (this.#controller.signal.aborted) return;
    const known = error instanceof CitadelError ? error : this.#unexpected(error);
    const body = encodeFailure(known);
    if (!this.#response.headersSent) {
      this.#response.writeHead(200, { 'content-type': 'application/octet-stream' });
      this.#response.write(streamHeader());
    }
    this.#response.write(encodeFrameHeader(frameKind.failure, body));
    this.#response.end(body);
  }

  #unexpected(error: unknown): CitadelError {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#options.env.log.error('rpc.snapshot.failed', { error: text });
    return new CitadelError('internal', 'internal error');
  }
}

function makeServer(
  tls: RpcTls | undefined,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  if (tls === undefined) return createServer(handle);
  const files = { ca: Buffer.from(tls.ca), cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) };
  return createTlsServer({ ...files, requestCert: true, rejectUnauthorized: true }, handle);
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => {
      const message = `cannot listen on ${host}:${port}: ${cause.message}`;
      reject(new CitadelError('unavailable', message, { cause }));
    };
    server.once('error', fail);
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
      server.off('error', fail);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** @throws CitadelError `unavailable` when the address cannot be bound */
export async function startSnapshotServer(
  options: SnapshotServerOptions,
  host: string,
  port: number,
): Promise<SnapshotServer> {
  const { env } = options;
  const server = makeServer(options.tls, (request, response) => {
    new SnapshotAnswer(options, response).run(request).catch(() => response.destroy());
  });
  server.maxConnections = connectionsMax;
  server.headersTimeout = headersTimeoutMs;
  server.on('clientError', (_error, socket) => socket.destroy());
  const bound = await listen(server, host, port);
  server.on('error', (error) => env.log.error('rpc.snapshot.server', { error: error.message }));
  return {
    port: bound,
    close: (graceMs) =>
      new Promise((resolve) => {
        const cut = env.timers.after(graceMs, () => server.closeAllConnections());
        server.close(() => {
          cut.cancel();
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
