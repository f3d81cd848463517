/** citadel.v1.TimeSeries: decode, ask the broker, encode. */

import { CitadelError } from '../base/errors.ts';
import type { SeriesPiece, StatementResult } from '../query/result.ts';
import type { MixedCell } from '../rpc/api/column-messages.ts';
import { encodeQueryAnswer, type QueryAnswer } from '../rpc/api/query-answer-messages.ts';
import {
  type ApiCall,
  type ApiHost,
  serveDuplex,
  serveStream,
  serveUnary,
} from '../rpc/api/serve.ts';
import type { ApiService } from '../rpc/api/service.ts';
import {
  decodeQuery,
  decodeWriteMessage,
  encodeWriteAnswerMessage,
  type WriteMessage,
} from '../rpc/api/time-series-messages.ts';
import { checkCaller, identify } from './caller-rights.ts';
import type { GrpcParts } from './parts.ts';
import { slicesOf } from './point-slices.ts';

async function write(
  { access, broker }: GrpcParts,
  call: ApiCall,
  message: WriteMessage,
): Promise<Buffer> {
  const { id, database, policy, precision, consistency, lines, points } = message;
  if (database === '') throw new CitadelError('invalid-argument', 'database is required');
  await checkCaller(access, call, 'WRITE', database);
  await broker.checkDatabase(database);
  if (points.length > 0 && lines.length > 0) {
    throw new CitadelError('invalid-argument', 'a request has either lines or points');
  }
  const where = { database, policy, consistency };
  const { copies, level } =
    points.length > 0
      ? await broker.writeRows({ ...where, slices: slicesOf(points) })
      : await broker.write({ ...where, precision, body: lines });
  return encodeWriteAnswerMessage({ id, copies, level, code: '', message: '' });
}

function refuseWrite(message: Buffer, { code, message: text }: CitadelError): Buffer {
  const { id } = decodeWriteMessage(message);
  return encodeWriteAnswerMessage({ id, copies: 0, level: '', code, message: text });
}

const nothing: Omit<QueryAnswer, 'statement'> = {
  messages: [],
  code: '',
  error: '',
  series: undefined,
};

function render(statement: number, piece: SeriesPiece): Buffer {
  const { name, tags = [], columns, rowCount, times, values, zone = '' } = piece;
  const series = { name, tags, columns, rowCount, times, values, zone };
  return encodeQueryAnswer({ ...nothing, statement, series });
}

/** Every statement says at least that it ran, or why not. */
async function* runStatement({ statementId, messages, series }: StatementResult) {
  const texts = messages.map(({ text }) => text);
  yield encodeQueryAnswer({ ...nothing, statement: statementId, messages: texts });
  for await (const piece of series) yield render(statementId, piece);
}

/** After a statement that failed no other is run. */
async function* renderResults(results: AsyncIterable<StatementResult>): AsyncGenerator<Buffer> {
  let hasFailed = false;
  for await (const result of results) {
    const statement = result.statementId;
    if (hasFailed) {
      yield encodeQueryAnswer({ ...nothing, statement, code: 'cancelled', error: 'not executed' });
      continue;
    }
    try {
      yield* runStatement(result);
    } catch (error) {
      if (!(error instanceof CitadelError)) throw error;
      hasFailed = true;
      const { code, message } = error;
      yield encodeQueryAnswer({ ...nothing, statement, code, error: message });
    }
  }
}

/** As the values of a JSON text come: a number with a fraction, or that is said to be one, is a float. */
function bindable(cell: MixedCell): unknown {
  return typeof cell === 'number' ? { float: cell } : cell;
}

async function* query({ access, broker }: GrpcParts, request: Buffer, call: ApiCall) {
  const { database, policy, query: text, params } = decodeQuery(request);
  if (text.trim() === '') throw new CitadelError('invalid-argument', 'query is required');
  const rights = await identify(access, call);
  const values = [...params].map(([name, cell]) => [name, bindable(cell)] as const);
  const results = broker.query({
    text: text.trim(),
    params: Object.fromEntries(values),
    database,
    policy,
    readOnly: false,
    rights,
    signal: call.signal,
  });
  yield* renderResults(results);
}

export function makeTimeSeriesHandlers(host: ApiHost, parts: GrpcParts): ApiService['handlers'] {
  return {
    Write: serveUnary(host, async (message, call) =>
      write(parts, call, decodeWriteMessage(message)),
    ),
    WriteStream: serveDuplex(host, {
      run: async (message, call) => write(parts, call, decodeWriteMessage(message)),
      refuse: refuseWrite,
    }),
    Query: serveStream(host, (message, call) => query(parts, message, call)),
  };
}
