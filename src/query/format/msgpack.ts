/**
 * MessagePack answers of /query, byte for byte as InfluxDB writes them.
 *
 * A document holds its whole answer, because its lists say their length first; chunked ones are cut by
 * rows and by size. Errors as in JSON, but a failed result is the error alone, without its number.
 */

import { CitadelError } from '../../base/errors.ts';
import { HeldMemory } from '../../base/memory-budget.ts';
import type { SeriesPiece, StatementResult } from '../result.ts';
import { ByteWriter } from './byte-writer.ts';
import { MsgpackColumn } from './msgpack-column.ts';
import { MsgpackDocument } from './msgpack-document.ts';
import { writeMapHeader, writeText } from './msgpack-values.ts';
import type { FormatOptions } from './options.ts';
import { RowBudget } from './row-budget.ts';
import { isSameSeries } from './same-series.ts';
import { SeriesRun } from './series-run.ts';

export function formatMsgpack(
  results: AsyncIterable<StatementResult>,
  options: FormatOptions,
): AsyncGenerator<Uint8Array> {
  return options.chunked ? formatChunks(results, options) : formatWhole(results, options);
}

/** What stands in place of an answer when the request itself is refused. */
export function msgpackError(message: string): Uint8Array {
  const out = new ByteWriter(64);
  writeMapHeader(out, 1);
  writeText(out, 'error');
  writeText(out, message);
  return out.take();
}

async function* formatWhole(
  results: AsyncIterable<StatementResult>,
  options: FormatOptions,
): AsyncGenerator<Uint8Array> {
  const document = new MsgpackDocument(options.epoch);
  const budget = new RowBudget(options.maxRowLimit);
  let hasFailed = false;
  let held: HeldMemory | undefined;
  for await (const { statementId, messages, series, memory } of results) {
    held ??= new HeldMemory(memory);
    if (hasFailed) {
      document.failResult('not executed');
      continue;
    }
    try {
      await writeSeries(series, document, budget, held);
      document.closeResult(statementId, messages, false);
    } catch (error) {
      if (!(error instanceof CitadelError)) throw error;
      hasFailed = true;
      document.failResult(error.message);
    }
    if (budget.isSpent) break;
  }
  yield* document.take();
}

async function writeSeries(
  pieces: AsyncIterable<SeriesPiece>,
  document: MsgpackDocument,
  budget: RowBudget,
  held: HeldMemory,
): Promise<void> {
  const run = new SeriesRun(document, budget);
  for await (const piece of pieces) {
    const count = run.take(piece);
    if (count === undefined) break;
    document.writeRows(piece, makeColumns(piece), 0, count);
    held.set(document.heldBytes);
    if (run.isCut) break;
  }
  run.end();
}

function makeColumns({ values }: SeriesPiece): MsgpackColumn[] {
  return values.map((column) => new MsgpackColumn(column));
}

async function* formatChunks(
  results: AsyncIterable<StatementResult>,
  options: FormatOptions,
): AsyncGenerator<Uint8Array> {
  const writer = new ChunkWriter(options);
  let hasFailed = false;
  for await (const result of results) {
    if (hasFailed) {
      yield* writer.fail(result, 'not executed');
      continue;
    }
    try {
      for await (const piece of result.series) yield* writer.write(result, piece);
      yield* writer.finish(result);
    } catch (error) {
      if (!(error instanceof CitadelError)) throw error;
      hasFailed = true;
      yield* writer.fail(result, error.message);
    }
  }
}

/** Closes a document when the next piece tells whether series and result go on. */
class ChunkWriter {
  readonly #document: MsgpackDocument;
  readonly #chunkSize: number;
  #open: SeriesPiece | undefined;
  #rowCount = 0;

  constructor({ epoch, chunkSize }: FormatOptions) {
    this.#document = new MsgpackDocument(epoch);
    this.#chunkSize = chunkSize;
  }

  *write(result: StatementResult, piece: SeriesPiece): Generator<Uint8Array> {
    if (this.#open !== undefined && !isSameSeries(this.#open, piece)) {
      yield* this.#close(result, false);
    }
    if (this.#open === undefined) this.#begin(piece);
    const columns = makeColumns(piece);
    for (let row = 0; row < piece.rowCount; ) {
      const isWhole = piece.isWhole === true;
      if (!isWhole && (this.#rowCount >= this.#chunkSize || this.#document.isFull)) {
        yield* this.#close(result, true);
        this.#begin(piece);
      }
      const room = isWhole ? piece.rowCount : this.#chunkSize - this.#rowCount;
      const until = Math.min(piece.rowCount, row + room);
      this.#document.writeRows(piece, columns, row, until);
      this.#rowCount += until - row;
      row = until;
    }
  }

  /** Ends a statement; one without series still answers a document. */
  *finish({ statementId, messages }: StatementResult): Generator<Uint8Array> {
    if (this.#open !== undefined) this.#document.closeSeries(false);
    this.#open = undefined;
    this.#document.closeResult(statementId, messages, false);
    yield* this.#document.take();
  }

  *fail(result: StatementResult, error: string): Generator<Uint8Array> {
    if (this.#open !== undefined) yield* this.#close(result, true);
    this.#document.failResult(error);
    yield* this.#document.take();
  }

  #begin(piece: SeriesPiece): void {
    this.#document.openSeries(piece);
    this.#open = piece;
    this.#rowCount = 0;
  }

  *#close({ statementId, messages }: StatementResult, goesOn: boolean): Generator<Uint8Array> {
    const isWhole = this.#open?.isWhole === true;
    this.#document.closeSeries(goesOn);
    this.#document.closeResult(statementId, messages, !isWhole);
    this.#open = undefined;
    yield* this.#document.take();
  }
}
