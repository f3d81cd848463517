/**
 * /kv/put, /kv/delete, /kv/get, /kv/list: tables of keys and values. docs/kv.md.
 *
 * A key that is not there is an entry without a value; a shard that cannot answer is 503, whatever the others say.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import { encodeText } from '../../base/text.ts';
import type { KvReadLevel, KvWriteReport } from '../../broker/key-values.ts';
import { listOf } from '../../model/key-list.ts';
import { keyAfterCursor } from '../parameters/kv-cursor.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { replyError, sendJson, statusOf } from '../server/error-reply.ts';
import type { BodyCollector } from '../server/request-body.ts';
import { readsFrom, writesTo } from '../server/route-access.ts';
import { streamAnswer, watchClient } from '../server/stream-answer.ts';
import {
  renderBinaryGet,
  renderBinaryList,
  renderGet,
  renderList,
  renderWriteError,
} from './kv-answers.ts';
import {
  binaryType,
  decodeBase64,
  type KvEntries,
  readKeys,
  readPuts,
  refuseCondition,
} from './kv-bodies.ts';

const notImplemented = 501;
const readLevels = new Map<string, KvReadLevel>([
  ['one', 'one'],
  ['primary', 'primary'],
  ['quorum', 'quorum'],
]);
const noBytes = new Uint8Array(0);

interface Asked {
  readonly table: string;
  readonly parameters: URLSearchParams;
  readonly isBase64: boolean;
}

/** @throws CitadelError `invalid-argument` */
function readAsked(request: FastifyRequest): Asked {
  const parameters = readUrlParameters(request);
  const table = parameters.get('table') ?? '';
  if (table === '') throw new CitadelError('invalid-argument', 'table is required');
  const encoding = parameters.get('encoding') ?? '';
  if (encoding !== '' && encoding !== 'base64') {
    throw new CitadelError('invalid-argument', `unknown encoding ${JSON.stringify(encoding)}`);
  }
  return { table, parameters, isBase64: encoding === 'base64' };
}

/** The rights to a table are those to the database of its name. */
function tableOf(request: FastifyRequest): string {
  return readAsked(request).table;
}

function readLevelOf({ parameters }: Asked): KvReadLevel {
  const asked = parameters.get('read') ?? '';
  const level = asked === '' ? 'one' : readLevels.get(asked.toLowerCase());
  if (level === undefined) {
    throw new CitadelError('invalid-argument', 'invalid read level (use one, primary or quorum)');
  }
  return level;
}

/** Bytes of a parameter; undefined = it is not given. */
function bytesOf({ parameters, isBase64 }: Asked, name: string): Uint8Array | undefined {
  const text = parameters.get(name);
  if (text === null) return undefined;
  return isBase64 ? decodeBase64(text, name) : encodeText(text);
}

function limitOf({ parameters }: Asked): number {
  const text = parameters.get('limit');
  if (text === null || text === '') return Number.POSITIVE_INFINITY;
  const limit = /^[0-9]{1,15}$/.test(text) ? Number(text) : 0;
  if (limit > 0) return limit;
  throw new CitadelError('invalid-argument', 'limit is not a whole number above 0');
}

/** 16 bytes as hex digits: a batch that is sent again under them is written once. */
function writeIdOf({ parameters }: Asked): Uint8Array | undefined {
  const text = parameters.get('writeId') ?? '';
  if (text === '') return undefined;
  if (/^[0-9a-f]{32}$/i.test(text)) return new Uint8Array(Buffer.from(text, 'hex'));
  throw new CitadelError('invalid-argument', 'writeId is not 32 hex digits');
}

/** ms since the Unix epoch: a batch that is held up on its way is not written after it. */
function notAfterOf({ parameters }: Asked): number | undefined {
  const text = parameters.get('notAfter') ?? '';
  if (text === '') return undefined;
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new CitadelError('invalid-argument', 'notAfter is not a time in ms since 1970');
}

function wantsBinary(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes(binaryType);
}

function refuseConditions(request: FastifyRequest, { parameters }: Asked): void {
  const { headers } = request;
  const isConditional = headers['if-match'] ?? headers['if-none-match'] ?? parameters.get('if');
  if (isConditional !== null && isConditional !== undefined) refuseCondition();
}

function replyWritten(reply: FastifyReply, report: KvWriteReport): FastifyReply {
  const { error, level, copies } = report;
  if (error === undefined) {
    reply.header('X-Citadel-Level', level).header('X-Citadel-Copies', copies);
    return reply.code(204).send();
  }
  const status = statusOf(error);
  if (status === 503) void reply.header('Retry-After', '1');
  return sendJson(reply.code(status), renderWriteError(error.message, report));
}

function addWrite(
  app: FastifyInstance,
  { broker }: HttpParts,
  bodies: BodyCollector,
  { url, read }: { url: string; read: (body: Uint8Array, mediaType: string) => KvEntries },
): void {
  app.post(url, { config: { access: writesTo(tableOf) } }, async (request, reply) => {
    const asked = readAsked(request);
    const isGzip = request.headers['content-encoding'] === 'gzip';
    const body = isGzip ? await bodies.gunzip(request.bodyBytes) : request.bodyBytes;
    try {
      refuseConditions(request, asked);
      const entries = read(body, request.clientMediaType);
      const consistency = asked.parameters.get('consistency') ?? '';
      const report = await broker.keyValues.write({
        table: asked.table,
        consistency,
        writeId: writeIdOf(asked),
        notAfterMs: notAfterOf(asked),
        isAbandoned: request.isAbandoned,
        ...entries,
      });
      return replyWritten(reply, report);
    } catch (error) {
      const isUnsupported = error instanceof CitadelError && error.code === 'unsupported';
      if (isUnsupported) return replyError(reply, notImplemented, error.message);
      throw error;
    } finally {
      if (isGzip) bodies.release(body.length);
    }
  });
}

/** Keys of a GET: `keys=a,b`; of a POST: its body. */
function keysOf(request: FastifyRequest, asked: Asked) {
  if (request.method === 'POST') return readKeys(request.bodyBytes, request.clientMediaType).keys;
  const names = (asked.parameters.get('keys') ?? '').split(',').filter((name) => name !== '');
  if (names.length === 0) throw new CitadelError('invalid-argument', 'keys is required');
  return listOf(
    names.map((name) => (asked.isBase64 ? decodeBase64(name, 'keys') : encodeText(name))),
  );
}

function addGet(app: FastifyInstance, { broker }: HttpParts): void {
  app.route({
    method: ['GET', 'POST'],
    url: '/kv/get',
    config: { access: readsFrom(tableOf) },
    handler: async (request, reply) => {
      const asked = readAsked(request);
      const level = readLevelOf(asked);
      const keys = keysOf(request, asked);
      const { signal } = watchClient(reply);
      const answer = await broker.keyValues.get(asked.table, keys, level, signal);
      if (wantsBinary(request)) {
        return reply.header('Content-Type', binaryType).send(renderBinaryGet(keys, answer));
      }
      const items = renderGet(keys, answer, asked.isBase64);
      return reply.header('Content-Type', 'application/json').send(items);
    },
  });
}

function addList(app: FastifyInstance, parts: HttpParts): void {
  app.get('/kv/list', { config: { access: readsFrom(tableOf) } }, async (request, reply) => {
    const asked = readAsked(request);
    const { parameters, isBase64 } = asked;
    const limit = limitOf(asked);
    const cursor = parameters.get('cursor') ?? '';
    const from = cursor === '' ? bytesOf(asked, 'from') : keyAfterCursor(cursor);
    const blocks = await parts.broker.keyValues.list({
      table: asked.table,
      prefix: bytesOf(asked, 'prefix') ?? noBytes,
      from: from ?? noBytes,
      until: bytesOf(asked, 'until'),
      limit,
      level: readLevelOf(asked),
      signal: watchClient(reply).signal,
    });
    if (wantsBinary(request)) {
      await streamAnswer(parts, reply, renderBinaryList(blocks, limit), binaryType);
      return reply;
    }
    const hasCursor = parameters.has('cursor');
    const pieces = renderList(blocks, { isBase64, limit, hasCursor });
    await streamAnswer(parts, reply, pieces, 'application/json');
    return reply;
  });
}

export function addKvRoutes(app: FastifyInstance, parts: HttpParts, bodies: BodyCollector): void {
  addWrite(app, parts, bodies, { url: '/kv/put', read: readPuts });
  addWrite(app, parts, bodies, { url: '/kv/delete', read: readKeys });
  addGet(app, parts);
  addList(app, parts);
}
