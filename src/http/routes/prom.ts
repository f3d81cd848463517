/**
 * POST /api/v1/prom/write and /api/v1/prom/read: Prometheus' remote storage, in snappy blocks of protocol buffers.
 *
 * How large a block says it is, is looked at before any memory is taken for it.
 */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Rights } from '../../access/rights.ts';
import { CitadelError, invariant } from '../../base/errors.ts';
import type { WriteReport } from '../../broker/requests.ts';
import type { StatementResult } from '../../query/result.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { type BoundText, measurementsText, metricOf, samplesText } from '../prom/read-query.ts';
import { type ReadQuery, readReadRequest } from '../prom/read-request.ts';
import { ReadResponse } from '../prom/read-response.ts';
import { readBlockHead, unpackBlock } from '../prom/snappy-block.ts';
import { readWriteRequest } from '../prom/write-request.ts';
import type { BodyCollector } from '../server/request-body.ts';
import { readsFrom, writesTo } from '../server/route-access.ts';
import { watchClient } from '../server/stream-answer.ts';
import { readWriteTarget, replyWriteFailure, replyWritten } from './write.ts';

const fieldName = 'value';

interface Asked {
  readonly database: string;
  readonly policy: string;
  readonly rights: Rights;
}

function readAsked(request: FastifyRequest): Asked {
  const parameters = readUrlParameters(request);
  const database = parameters.get('db') ?? '';
  return { database, policy: parameters.get('rp') ?? '', rights: request.rights };
}

/** Runs `use` on the unpacked body, whose memory counts until it is done. */
async function withUnpacked<T>(
  request: FastifyRequest,
  bodies: BodyCollector,
  use: (bytes: Uint8Array) => Promise<T>,
): Promise<T> {
  const head = readBlockHead(request.bodyBytes);
  bodies.reserve(head.size);
  try {
    return await use(unpackBlock(request.bodyBytes, head));
  } finally {
    bodies.release(head.size);
  }
}

function addWrite(app: FastifyInstance, { broker }: HttpParts, bodies: BodyCollector): void {
  app.route({
    method: 'POST',
    url: '/api/v1/prom/write',
    config: {
      access: writesTo(async (request) => {
        const { database } = readWriteTarget(request);
        await broker.checkDatabase(database);
        return database;
      }),
    },
    handler: async (request, reply) => {
      let report: WriteReport;
      try {
        const target = { ...readWriteTarget(request), isAbandoned: request.isAbandoned };
        report = await withUnpacked(request, bodies, (bytes) =>
          broker.writeFloats({ ...target, slices: readWriteRequest(bytes) }),
        );
      } catch (error) {
        return replyWriteFailure(reply, error);
      }
      return replyWritten(reply, report);
    },
  });
}

function runQuery(
  { broker }: HttpParts,
  { text, params }: BoundText,
  asked: Asked,
  signal: AbortSignal,
): AsyncIterable<StatementResult> {
  return broker.query({ text, params, ...asked, readOnly: true, signal });
}

/** Measurements that may hold samples: those whose `value` is a float. */
async function findMeasurements(
  parts: HttpParts,
  query: ReadQuery,
  asked: Asked,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const db = await parts.catalog.findDatabase(asked.database);
  if (db === undefined) {
    throw new CitadelError('not-found', `database not found: ${JSON.stringify(asked.database)}`);
  }
  const isFloat = async (name: string) =>
    (await parts.catalog.findFields(db.id, name))?.get(fieldName) === 'float';
  const metric = metricOf(query);
  if (metric !== undefined) return (await isFloat(metric)) ? [metric] : [];
  const found: string[] = [];
  for await (const { series } of runQuery(parts, measurementsText(query), asked, signal)) {
    for await (const { values } of series) {
      const [names] = values;
      if (names?.type !== 'cells') continue;
      for (const name of names.cells) {
        if (typeof name === 'string' && (await isFloat(name))) found.push(name);
      }
    }
  }
  return found;
}

async function readSamples(
  parts: HttpParts,
  query: ReadQuery,
  asked: Asked,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const measurements = await findMeasurements(parts, query, asked, signal);
  if (measurements.length === 0) return new ReadResponse(undefined).finish();
  let response: ReadResponse | undefined;
  const text = samplesText(measurements, query);
  for await (const { series, memory } of runQuery(parts, text, asked, signal)) {
    // One account for the whole answer: it is held until the last series is in.
    response ??= new ReadResponse(memory);
    for await (const piece of series) response.add(piece);
  }
  invariant(response !== undefined, 'every statement has a result');
  return response.finish();
}

function addRead(app: FastifyInstance, parts: HttpParts, bodies: BodyCollector): void {
  const access = readsFrom((request) => readAsked(request).database);
  app.post('/api/v1/prom/read', { config: { access } }, async (request, reply) => {
    const { signal } = watchClient(reply);
    const query = await withUnpacked(request, bodies, async (bytes) => readReadRequest(bytes));
    const answer = await readSamples(parts, query, readAsked(request), signal);
    void reply
      .header('Content-Type', 'application/x-protobuf')
      .header('Content-Encoding', 'snappy');
    return reply.send(answer);
  });
}

export function addPromRoutes(app: FastifyInstance, parts: HttpParts, bodies: BodyCollector): void {
  addWrite(app, parts, bodies);
  addRead(app, parts, bodies);
}
