/**
 * Errors on the wire as InfluxDB sends them: the one table that turns error codes into statuses, the
 * body `{"error":"..."}` and the header `X-Influxdb-Error`.
 */

import type { FastifyReply } from 'fastify';
import { CitadelError, type ErrorCode } from '../../base/errors.ts';
import { encodeText, printableText } from '../../base/text.ts';
import { csvError } from '../../query/format/csv.ts';
import { msgpackError } from '../../query/format/msgpack.ts';
import { negotiateFormat } from '../parameters/negotiate.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';

const statuses: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': 400,
  'not-found': 404,
  'already-exists': 400,
  conflict: 400,
  redirect: 503,
  overloaded: 503,
  unavailable: 503,
  timeout: 500,
  cancelled: 503,
  'limit-exceeded': 503,
  'too-large': 413,
  'disk-full': 503,
  'read-only': 503,
  corrupt: 500,
  locked: 503,
  unsupported: 400,
  'unsupported-version': 500,
  unauthorized: 401,
  internal: 500,
  forbidden: 403,
};

const retryAfterSeconds = '1';
const headerSizeMax = 1024;

export function statusOf(error: CitadelError): number {
  return statuses[error.code];
}

const goEscapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** A JSON string as Go's encoder writes it. */
export function quoteJson(text: string): string {
  const quoted = JSON.stringify(printableText(text));
  return quoted.replace(/[<>&\u2028\u2029]/g, (symbol) => goEscapes[symbol] ?? symbol);
}

/** What of a message may stand in a header: no control characters, its UTF-8 bytes as they are. */
function headerValue(message: string): string {
  const cleaned = [...encodeText(message).subarray(0, headerSizeMax)].map((byte) =>
    byte < 0x20 || byte === 0x7f ? 0x20 : byte,
  );
  return Buffer.from(cleaned).toString('latin1');
}

/** JSON as it is: of text fastify would add a charset to the type, which InfluxDB does not. */
export function sendJson(reply: FastifyReply, text: string): FastifyReply {
  return reply.header('Content-Type', 'application/json').send(Buffer.from(text));
}

/** `pretty=true` counts for errors too. */
function renderJsonError(reply: FastifyReply, message: string): string {
  const isPretty = readUrlParameters(reply.request).get('pretty') === 'true';
  const text = quoteJson(message);
  return isPretty ? `{\n    "error": ${text}\n}\n` : `{"error":${text}}\n`;
}

/** Sends an error of the server's own making, in the format the client asked for. */
export function replyError(reply: FastifyReply, status: number, message: string): FastifyReply {
  if (status === 503) void reply.header('Retry-After', retryAfterSeconds);
  if (status === 401) void reply.header('WWW-Authenticate', 'Basic realm="InfluxDB"');
  else void reply.header('X-Influxdb-Error', headerValue(message));
  void reply.code(status);
  const { kind, contentType } = negotiateFormat(reply.request.headers.accept);
  if (kind === 'json') return sendJson(reply, renderJsonError(reply, message));
  const body = kind === 'csv' ? csvError(message) : msgpackError(message);
  return reply.header('Content-Type', contentType).send(Buffer.from(body));
}

export function replyCitadelError(reply: FastifyReply, error: CitadelError): FastifyReply {
  return replyError(reply, statusOf(error), error.message);
}

/** The error to show for anything thrown; what is not ours to explain becomes `internal`. */
export function explain(error: unknown): CitadelError {
  if (error instanceof CitadelError) return error;
  return new CitadelError('internal', 'internal error', { cause: error });
}
