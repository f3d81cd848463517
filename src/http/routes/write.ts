/**
 * POST /write and /api/v2/write: line protocol.
 *
 * The database is checked before the body is read, as InfluxDB does: an unknown one is 404 whatever
 * comes behind it. Parameters count only in the URL.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import type { WriteReport } from '../../broker/requests.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import { readBucket, readV2Precision } from '../parameters/v2-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { explain, replyError, statusOf } from '../server/error-reply.ts';
import type { BodyCollector } from '../server/request-body.ts';
import { writesTo } from '../server/route-access.ts';

/** An unknown retention policy is the server's fault in InfluxDB, and clients know it as such. */
export function replyWriteFailure(reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = explain(thrown);
  if (error.code === 'internal') throw thrown;
  const status = error.code === 'not-found' ? 500 : statusOf(error);
  return replyError(reply, status, error.message);
}

/** The `influx` shell asks for all copies whatever its user wants: it gets the default. */
function consistencyOf({ headers }: FastifyRequest, asked: string): string {
  const isShell = headers['user-agent']?.startsWith('InfluxDBShell') === true;
  return isShell && asked === 'all' ? '' : asked;
}

/** Where the points of a request go. */
interface Asked {
  readonly database: string;
  readonly policy: string;
  readonly precision: string;
  readonly consistency: string;
}

/** @throws CitadelError */
type ReadAsked = (request: FastifyRequest) => Asked;

interface WriteParts {
  readonly parts: HttpParts;
  readonly bodies: BodyCollector;
}

/** What was reached, for those who want to know. */
export function replyWritten(reply: FastifyReply, { level, copies }: WriteReport): FastifyReply {
  return reply.header('X-Citadel-Level', level).header('X-Citadel-Copies', copies).code(204).send();
}

function addLineRoute(app: FastifyInstance, url: string, work: WriteParts, read: ReadAsked): void {
  const { parts, bodies } = work;
  app.route({
    method: 'POST',
    url,
    config: {
      access: writesTo(async (request) => {
        const { database } = read(request);
        await parts.broker.checkDatabase(database);
        return database;
      }),
    },
    handler: async (request, reply) => {
      const isGzip = request.headers['content-encoding'] === 'gzip';
      const body = isGzip ? await bodies.gunzip(request.bodyBytes) : request.bodyBytes;
      let report: WriteReport;
      try {
        report = await parts.broker.write({
          ...read(request),
          body,
          isAbandoned: request.isAbandoned,
        });
      } catch (error) {
        return replyWriteFailure(reply, error);
      } finally {
        if (isGzip) bodies.release(body.length);
        // The broker is done with the bytes, and the answer holds copies.
        bodies.forget(request.bodyBytes);
      }
      return replyWritten(reply, report);
    },
  });
}

/** @throws CitadelError `invalid-argument` without a database */
export function readWriteTarget(request: FastifyRequest) {
  const parameters = readUrlParameters(request);
  const database = parameters.get('db') ?? '';
  if (database === '') throw new CitadelError('invalid-argument', 'database is required');
  const consistency = consistencyOf(request, parameters.get('consistency') ?? '');
  return { database, policy: parameters.get('rp') ?? '', consistency };
}

export function addWriteRoute(app: FastifyInstance, parts: HttpParts, bodies: BodyCollector): void {
  addLineRoute(app, '/write', { parts, bodies }, (request) => ({
    ...readWriteTarget(request),
    precision: readUrlParameters(request).get('precision') ?? '',
  }));
  addLineRoute(app, '/api/v2/write', { parts, bodies }, (request) => {
    const parameters = readUrlParameters(request);
    const precision = readV2Precision(parameters.get('precision') ?? '');
    return { ...readBucket(parameters.get('bucket') ?? ''), precision, consistency: '' };
  });
}
