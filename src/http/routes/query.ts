/**
 * GET and POST /query: InfluxQL.
 *
 * 200 as soon as the text parses; what fails later is an error inside the answer. The answer streams: nothing is
 * pulled from the engine before the client has taken what came before, and a client that leaves ends the query.
 */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import { formatCsv } from '../../query/format/csv.ts';
import { formatJson } from '../../query/format/json.ts';
import { formatMsgpack } from '../../query/format/msgpack.ts';
import { type FormatOptions, parseEpoch } from '../../query/format/options.ts';
import type { StatementResult } from '../../query/result.ts';
import { negotiateFormat } from '../parameters/negotiate.ts';
import { readQueryParams } from '../parameters/query-params.ts';
import { readFormParameters, readUrlParameters } from '../parameters/request-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { streamAnswer, watchClient } from '../server/stream-answer.ts';

const formatters = { json: formatJson, csv: formatCsv, msgpack: formatMsgpack } as const;
const chunkSizeDefault = 10_000;

function readChunkSize(text: string | null): number {
  if (text === null || !/^[+]?[0-9]+$/.test(text)) return chunkSizeDefault;
  const size = Number(text);
  return size > 0 && Number.isSafeInteger(size) ? size : chunkSizeDefault;
}

function readFormatOptions(url: URLSearchParams, form: URLSearchParams): FormatOptions {
  return {
    epoch: parseEpoch(form.get('epoch')?.trim()),
    pretty: url.get('pretty') === 'true',
    chunked: form.get('chunked') === 'true',
    chunkSize: readChunkSize(form.get('chunk_size')),
    maxRowLimit: 0,
  };
}

/** @throws CitadelError `invalid-argument` */
function startQuery(
  parts: HttpParts,
  request: FastifyRequest,
  form: URLSearchParams,
  signal: AbortSignal,
): AsyncIterable<StatementResult> {
  const text = (form.get('q') ?? '').trim();
  if (text === '') throw new CitadelError('invalid-argument', 'missing required parameter "q"');
  const params = readQueryParams(form.get('params'));
  try {
    return parts.broker.query({
      text,
      params,
      database: form.get('db') ?? '',
      policy: form.get('rp') ?? '',
      readOnly: request.method === 'GET',
      rights: request.rights,
      signal,
    });
  } catch (cause) {
    if (!(cause instanceof CitadelError)) throw cause;
    const what = cause.code === 'forbidden' ? 'authorizing' : 'parsing';
    throw new CitadelError(cause.code, `error ${what} query: ${cause.message}`, { cause });
  }
}

/** Runs everything for its effects. */
async function exhaust(results: AsyncIterable<StatementResult>, options: FormatOptions) {
  for await (const piece of formatJson(results, options)) void piece;
}

export function addQueryRoute(app: FastifyInstance, parts: HttpParts): void {
  app.route({
    method: ['GET', 'POST'],
    url: '/query',
    config: { access: 'user' },
    handler: async (request, reply) => {
      const client = watchClient(reply);
      const url = readUrlParameters(request);
      const form = readFormParameters(request, url);
      const isAsync = form.get('async') === 'true';
      const signal = isAsync ? new AbortController().signal : client.signal;
      const results = startQuery(parts, request, form, signal);
      const options = readFormatOptions(url, form);
      if (isAsync) {
        exhaust(results, options).catch((error: unknown) => {
          parts.env.log.warn('asynchronous query failed', { error: String(error) });
        });
        return reply.code(204).send();
      }
      const format = negotiateFormat(request.headers.accept);
      const pieces = formatters[format.kind](results, options);
      await streamAnswer(parts, reply, pieces, format.contentType);
      return reply;
    },
  });
}
