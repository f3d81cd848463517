/**
 * What InfluxDB 1.8 and later answer of the API of InfluxDB 2, beside writes: deletes, and Flux, which is switched
 * off as it is there by default. Buckets are in v2-buckets.ts.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import type { DeleteRequest } from '../../broker/requests.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import { parseRfc3339 } from '../parameters/rfc3339.ts';
import { type Bucket, readBucket } from '../parameters/v2-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { explain, replyError, statusOf } from '../server/error-reply.ts';
import { writesTo } from '../server/route-access.ts';
import { addBucketRoutes } from './v2-buckets.ts';

const fluxDisabled =
  'Flux query service disabled. Verify flux-enabled=true in the [http] section of the InfluxDB config.';

interface DeleteBody {
  readonly start: string;
  readonly stop: string;
  readonly predicate: string;
}

/** @throws CitadelError `not-found` */
async function findBucket({ catalog }: HttpParts, request: FastifyRequest): Promise<Bucket> {
  let bucket: Bucket;
  try {
    bucket = readBucket(readUrlParameters(request).get('bucket') ?? '');
  } catch (error) {
    throw new CitadelError('not-found', `delete - bucket: ${explain(error).message}`);
  }
  const { database, policy } = bucket;
  const db = await catalog.findDatabase(database);
  const quoted = JSON.stringify(database);
  if (db === undefined) {
    throw new CitadelError('not-found', `delete - database not found: ${quoted}`);
  }
  if (catalog.view.policy(db, policy || db.defaultPolicy) === undefined) {
    const message = `delete - retention policy not found in ${quoted}: ${JSON.stringify(policy)}`;
    throw new CitadelError('not-found', message);
  }
  return bucket;
}

function refuse(message: string): CitadelError {
  return new CitadelError('invalid-argument', `delete - ${message}`);
}

/** @throws CitadelError `invalid-argument` */
function readBody(bytes: Buffer): DeleteBody {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw refuse(`cannot parse request body: ${(error as Error).message}`);
  }
  const { start = '', stop = '', predicate = '' } = (json ?? {}) as Partial<DeleteBody>;
  for (const [name, value] of Object.entries({ start, stop, predicate })) {
    if (typeof value !== 'string') throw refuse(`cannot parse request body: ${name} is no text`);
  }
  return { start, stop, predicate };
}

function readTime(name: 'start' | 'stop', text: string): bigint {
  if (text === '') throw refuse(`${name} field in RFC3339Nano format required`);
  const time = parseRfc3339(text);
  if (time !== undefined) return time;
  throw refuse(`invalid format for ${name} field ${JSON.stringify(text)}, please use RFC3339Nano`);
}

/** What went wrong, with all that was asked. */
function replyDeleteFailure(
  reply: FastifyReply,
  thrown: unknown,
  { database, policy }: Bucket,
  { start, stop, predicate }: DeleteBody,
): FastifyReply {
  const error = explain(thrown);
  if (error.code === 'internal') throw thrown;
  const [db, rp, from, until, where] = [database, policy, start, stop, predicate].map((text) =>
    JSON.stringify(text),
  );
  const asked = `database: ${db}, retention policy: ${rp}, start: ${from}, stop: ${until}, predicate: ${where}`;
  return replyError(reply, statusOf(error), `delete - ${error.message}. ${asked}`);
}

function addDelete(app: FastifyInstance, parts: HttpParts): void {
  const access = writesTo(async (request) => (await findBucket(parts, request)).database);
  app.post('/api/v2/delete', { config: { access } }, async (request, reply) => {
    const bucket = await findBucket(parts, request);
    const body = readBody(request.bodyBytes);
    const asked: DeleteRequest = {
      ...bucket,
      start: readTime('start', body.start),
      stop: readTime('stop', body.stop),
      predicate: body.predicate,
    };
    try {
      await parts.broker.deletePoints(asked);
    } catch (error) {
      return replyDeleteFailure(reply, error, bucket, body);
    }
    return reply.code(200).send();
  });
}

function addFlux(app: FastifyInstance): void {
  app.post('/api/v2/query', { config: { access: 'open' } }, async (_request, reply) =>
    reply
      .code(403)
      .header('Content-Type', 'text/plain; charset=utf-8')
      .header('X-Content-Type-Options', 'nosniff')
      .send(Buffer.from(`${fluxDisabled}\n`)),
  );
}

export function addV2Routes(app: FastifyInstance, parts: HttpParts): void {
  addDelete(app, parts);
  addFlux(app);
  addBucketRoutes(app, parts);
}
