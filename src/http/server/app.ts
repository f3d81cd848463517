/**
 * The fastify application: its defaults refuse real InfluxDB clients, so nearly all are replaced.
 *
 * Any content type, or none, is a body of bytes; long request lines fit; errors have InfluxDB's shape;
 * slow and broken clients run into a limit. A body that is refused is read to its end and thrown away, so that
 * the client can hear why; the time of a request bounds that too.
 */

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyError, type FastifyInstance, type FastifyRequest, fastify } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import type { Log } from '../../env/env.ts';
import { explain, replyCitadelError, replyError } from './error-reply.ts';
import { closeQueuedAnswers } from './queued-answers.ts';
import type { BodyCollector } from './request-body.ts';

/** Queries by GET may be long; Node's own limit is 16 KiB. */
const headerSizeMax = 1024 * 1024;
const headersTimeoutMs = 30_000;
/** For a whole request, body included. */
const requestTimeoutMs = 300_000;
/** Longer than the idle time of common proxies, so that they close first. */
const keepAliveTimeoutMs = 75_000;
const connectionsMax = 4096;

declare module 'fastify' {
  interface FastifyRequest {
    /** The client's content type; everything is read as bytes whatever it says. */
    clientMediaType: string;
    /** Empty without a body. */
    bodyBytes: Buffer;
  }
}

/** Answers what is not HTTP at all; the connection ends. */
function refuseBroken(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : '400 Bad Request';
  const text = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : status;
  socket.end(`HTTP/1.1 ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function addBodies(app: FastifyInstance, bodies: BodyCollector): void {
  const none = Buffer.alloc(0);
  app.decorateRequest('clientMediaType', '');
  app.decorateRequest('bodyBytes');
  app.decorateRequest('isAbandoned');
  app.addHook('onRequest', (request, reply, done) => {
    request.bodyBytes = none;
    reply.raw.once('close', () => bodies.release(request.bodyBytes.length));
    request.clientMediaType = request.headers['content-type'] ?? '';
    request.headers['content-type'] = 'application/octet-stream';
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: IncomingMessage) => {
    bodies.checkAnnouncedSize(request.headers);
    const bytes = await bodies.collect(payload);
    if (request.raw.destroyed && request.raw.socket.destroyed) bodies.release(bytes.length);
    else request.bodyBytes = bytes;
    return bytes;
  });
}

function addErrors(app: FastifyInstance, log: Log): void {
  app.setErrorHandler((error: FastifyError | CitadelError | Error, request, reply) => {
    // Set when a body was refused; closing under a client that still sends would take the answer away.
    void reply.removeHeader('connection');
    const status = 'statusCode' in error ? error.statusCode : undefined;
    if (!(error instanceof CitadelError) && status !== undefined && status < 500) {
      return replyError(reply, status, error.message);
    }
    const explained = explain(error);
    if (explained.code === 'internal') {
      log.error('request failed', { path: request.routeOptions.url, error: error.stack });
    }
    return replyCitadelError(reply, explained);
  });
}

export function createApp(bodies: BodyCollector, log: Log): FastifyInstance {
  const app = fastify({
    logger: false,
    http: { maxHeaderSize: headerSizeMax, headersTimeout: headersTimeoutMs },
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    exposeHeadRoutes: false,
    clientErrorHandler: refuseBroken,
    frameworkErrors: (error, _request, reply) => {
      void replyError(reply, 400, error.message);
    },
    routerOptions: { querystringParser: () => ({}), maxParamLength: 1024 },
  });
  app.server.maxConnections = connectionsMax;
  closeQueuedAnswers(app.server);
  addBodies(app, bodies);
  addErrors(app, log);
  return app;
}
