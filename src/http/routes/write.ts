/**
 * POST /write: line protocol.
 *
 * The database is checked before the body is read, as InfluxDB does: an unknown one is 404 whatever
 * comes behind it. Parameters count only in the URL.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import type { WriteReport } from '../../broker/requests.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { explain, replyError, statusOf } from '../server/error-reply.ts';
import type { BodyCollector } from '../server/request-body.ts';
import { writesTo } from '../server/route-access.ts';

/** An unknown retention policy is the server's fault in InfluxDB, and clients know it as such. */
function replyFailure(reply: FastifyReply, thrown: unknown): FastifyReply {
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

export function addWriteRoute(app: FastifyInstance, parts: HttpParts, bodies: BodyCollector): void {
  const { broker } = parts;
  app.route({
    method: 'POST',
    url: '/write',
    config: {
      access: writesTo(async (request) => {
        const database = readUrlParameters(request).get('db') ?? '';
        if (database === '') throw new CitadelError('invalid-argument', 'database is required');
        await broker.checkDatabase(database);
        return database;
      }),
    },
    handler: async (request, reply) => {
      const parameters = readUrlParameters(request);
      const isGzip = request.headers['content-encoding'] === 'gzip';
      const body = isGzip ? await bodies.gunzip(request.bodyBytes) : request.bodyBytes;
      let report: WriteReport;
      try {
        report = await broker.write({
          database: parameters.get('db') ?? '',
          policy: parameters.get('rp') ?? '',
          precision: parameters.get('precision') ?? '',
          consistency: consistencyOf(request, parameters.get('consistency') ?? ''),
          body,
        });
      } catch (error) {
        return replyFailure(reply, error);
      } finally {
        if (isGzip) bodies.release(body.length);
        // The broker is done with the bytes, and the answer holds copies.
        bodies.forget(request.bodyBytes);
      }
      reply.header('X-Citadel-Level', report.level).header('X-Citadel-Copies', report.copies);
      return reply.code(204).send();
    },
  });
}
