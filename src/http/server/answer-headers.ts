/**
 * The headers every answer carries, and the answers for paths and methods that do not exist.
 *
 * The version is that of the InfluxDB release whose behaviour clients may expect.
 */

import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export const influxVersion = '1.8.10';

const corsMethods = 'DELETE, GET, OPTIONS, POST, PUT';
const corsHeaders =
  'Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, User-Agent, ' +
  'X-CSRF-Token, X-HTTP-Method-Override';
const corsExposed = 'Date, X-InfluxDB-Version, X-InfluxDB-Build';

/** Path -> the methods it has, in the order that Allow shows them. */
export type MethodTable = Readonly<Record<string, readonly string[]>>;

function only(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined || text === '' || text.length > 256 ? undefined : text;
}

function addRequestId(request: FastifyRequest, reply: FastifyReply): void {
  const { headers } = request;
  const id = only(headers['x-request-id']) ?? only(headers['request-id']) ?? randomUUID();
  reply.raw.setHeader('Request-Id', id);
  reply.raw.setHeader('X-Request-Id', id);
}

function addCors(request: FastifyRequest, { raw }: FastifyReply): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  raw.setHeader('Access-Control-Allow-Origin', origin);
  raw.setHeader('Access-Control-Allow-Methods', corsMethods);
  raw.setHeader('Access-Control-Allow-Headers', corsHeaders);
  raw.setHeader('Access-Control-Expose-Headers', corsExposed);
}

export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

/** A path that is not there, or not with this method; OPTIONS is answered where a path has it. */
function replyUnrouted(methods: MethodTable, request: FastifyRequest, reply: FastifyReply) {
  const path = pathOf(request.raw.url ?? '/');
  const allowed = Object.hasOwn(methods, path) ? methods[path] : undefined;
  if (request.method === 'OPTIONS' && allowed?.includes('OPTIONS')) {
    addRequestId(request, reply);
    return reply.code(200).send();
  }
  void reply.type('text/plain; charset=utf-8').header('X-Content-Type-Options', 'nosniff');
  if (allowed === undefined) return reply.code(404).send('404 page not found\n');
  return reply.code(405).header('Allow', allowed.join(', ')).send('Method Not Allowed\n');
}

export function addAnswerHeaders(app: FastifyInstance, methods: MethodTable): void {
  app.addHook('onRequest', (request, reply, done) => {
    // Set on the raw response, which keeps the case of names: people and scripts read these.
    reply.raw.setHeader('X-Influxdb-Version', influxVersion);
    reply.raw.setHeader('X-Influxdb-Build', 'OSS');
    addCors(request, reply);
    if (!request.is404) {
      addRequestId(request, reply);
      void reply.header('Content-Type', 'application/json');
    }
    done();
  });
  app.setNotFoundHandler((request, reply) => replyUnrouted(methods, request, reply));
}
