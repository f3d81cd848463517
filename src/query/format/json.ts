/**
 * JSON answers of /query, byte for byte as InfluxDB writes them.
 *
 * A result whose `series` throws a CitadelError carries the error; the `series` of later results are
 * never iterated, they answer `not executed`. So a result must do its work only inside `series`.
 * Other errors are thrown on. While the failing statement's rows are still in the buffer they are
 * taken back; rows that left before stay in front of the error.
 */

import { CitadelError } from '../../base/errors.ts';
import type { SeriesPiece, StatementResult } from '../result.ts';
import { JsonColumn } from './column-text.ts';
import { formatJsonChunks } from './json-chunks.ts';
import { JsonDocument } from './json-document.ts';
import type { FormatOptions } from './options.ts';
import { RowBudget } from './row-budget.ts';
import { SeriesRun } from './series-run.ts';

/** Bytes gathered before they are handed on. */
const flushSize = 64 * 1024;

export function formatJson(
  results: AsyncIterable<StatementResult>,
  options: FormatOptions,
): AsyncGenerator<Uint8Array> {
  return options.chunked ? formatJsonChunks(results, options) : formatJsonWhole(results, options);
}

async function* formatJsonWhole(
  results: AsyncIterable<StatementResult>,
  options: FormatOptions,
): AsyncGenerator<Uint8Array> {
  const document = new JsonDocument(options);
  const budget = new RowBudget(options.maxRowLimit);
  let hasFailed = false;
  document.open();
  for await (const result of results) {
    document.openResult(result.statementId);
    if (hasFailed) {
      document.failResult('not executed');
      continue;
    }
    try {
      yield* writeSeries(result.series, document, budget);
      document.closeResult(result.messages, false);
    } catch (error) {
      if (!(error instanceof CitadelError)) throw error;
      hasFailed = true;
      document.failResult(error.message);
    }
    if (budget.isSpent) break;
  }
  document.close();
  yield document.take();
}

async function* writeSeries(
  pieces: AsyncIterable<SeriesPiece>,
  document: JsonDocument,
  budget: RowBudget,
): AsyncGenerator<Uint8Array> {
  const run = new SeriesRun(document, budget);
  for await (const piece of pieces) {
    const count = run.take(piece);
    if (count === undefined) break;
    const columns = piece.values.map((column) => new JsonColumn(column));
    for (let row = 0; row < count; ) {
      row = document.writeRows(piece, columns, row, count);
      if (document.out.size >= flushSize) yield document.take();
    }
    if (run.isCut) break;
  }
  run.end();
}
