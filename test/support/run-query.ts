/** A query text run by the engine alone, over ports, and answered as JSON. */

import { parseQuery } from '../../src/influxql/influxql.ts';
import { formatCsv } from '../../src/query/format/csv.ts';
import { formatJson } from '../../src/query/format/json.ts';
import { type FormatOptions, parseEpoch } from '../../src/query/format/options.ts';
import type { QueryPorts, RowSink } from '../../src/query/ports.ts';
import { runSelect, runShow } from '../../src/query/query.ts';
import type { QueryContext } from '../../src/query/query-context.ts';
import type { SeriesPiece, StatementResult } from '../../src/query/result.ts';
import type { ShowStatement } from '../../src/query/show/show.ts';

export interface RunOptions {
  readonly epoch?: string;
  readonly pretty?: boolean;
  readonly chunked?: boolean;
  readonly chunk_size?: number;
  readonly maxRowLimit?: number;
  readonly csv?: boolean;
  readonly nowNs?: bigint;
  readonly signal?: AbortSignal;
}

/** 2021-01-01T00:00:00Z. */
const defaultNowNs = 1_609_459_200_000_000_000n;

/** Statements that write are tested through the server. */
const noSink: RowSink = {
  check() {
    throw new Error('nothing is written here');
  },
  store: () => Promise.reject(new Error('nothing is written here')),
};

async function* answer(text: string, context: QueryContext): AsyncGenerator<StatementResult> {
  for (const [statementId, statement] of parseQuery(text).entries()) {
    const series: AsyncIterable<SeriesPiece> =
      statement.kind === 'select'
        ? runSelect(statement, context, noSink)
        : runShow(statement as ShowStatement, context);
    yield { statementId, messages: [], series };
  }
}

export async function runQuery(
  ports: QueryPorts,
  text: string,
  options: RunOptions = {},
): Promise<string> {
  const context: QueryContext = {
    database: 'db',
    policy: '',
    nowNs: options.nowNs ?? defaultNowNs,
    ports,
    signal: options.signal ?? new AbortController().signal,
  };
  const format: FormatOptions = {
    epoch: parseEpoch(options.epoch),
    pretty: options.pretty ?? false,
    chunked: options.chunked ?? false,
    chunkSize: options.chunk_size ?? 10_000,
    maxRowLimit: options.maxRowLimit ?? 0,
  };
  const results = answer(text, context);
  const pieces = options.csv === true ? formatCsv(results, format) : formatJson(results, format);
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return Buffer.concat(parts).toString();
}
