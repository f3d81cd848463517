/**
 * Chunked answers: one JSON document per chunk of at most `chunkSize` rows of one series.
 *
 * A series is marked partial when it goes on in the next document, a result when the statement does.
 * Both are known only when the next piece has come, so a document is closed one piece late.
 */

import { CitadelError } from '../../base/errors.ts';
import type { SeriesPiece, StatementResult } from '../result.ts';
import { JsonColumn } from './column-text.ts';
import { JsonDocument } from './json-document.ts';
import type { FormatOptions } from './options.ts';
import { isSameSeries } from './same-series.ts';

const flushSize = 64 * 1024;

export async function* formatJsonChunks(
  results: AsyncIterable<StatementResult>,
  options: FormatOptions,
): AsyncGenerator<Uint8Array> {
  const writer = new ChunkWriter(options);
  let hasFailed = false;
  for await (const result of results) {
    if (hasFailed) {
      writer.fail(result.statementId, 'not executed');
      continue;
    }
    try {
      for await (const piece of result.series) yield* writer.write(result, piece);
      writer.finish(result);
    } catch (error) {
      if (!(error instanceof CitadelError)) throw error;
      hasFailed = true;
      writer.fail(result.statementId, error.message);
    }
    yield writer.take();
  }
  if (writer.size > 0) yield writer.take();
}

class ChunkWriter {
  readonly #document: JsonDocument;
  readonly #chunkSize: number;
  /** The series of the open document. */
  #open: SeriesPiece | undefined;
  #rowCount = 0;

  constructor(options: FormatOptions) {
    this.#document = new JsonDocument(options);
    this.#chunkSize = options.chunkSize;
  }

  get size(): number {
    return this.#document.out.size;
  }

  take(): Uint8Array {
    return this.#document.take();
  }

  *write(result: StatementResult, piece: SeriesPiece): Generator<Uint8Array> {
    if (this.#open !== undefined && !isSameSeries(this.#open, piece)) this.#close(result, false);
    if (this.#open === undefined) this.#begin(result, piece);
    const columns = piece.values.map((column) => new JsonColumn(column));
    for (let row = 0; row < piece.rowCount; ) {
      if (this.#rowCount === this.#chunkSize && piece.isWhole !== true) {
        this.#close(result, true);
        yield this.take();
        this.#begin(result, piece);
      }
      const room = piece.isWhole === true ? piece.rowCount : this.#chunkSize - this.#rowCount;
      const until = Math.min(piece.rowCount, row + room);
      const end = this.#document.writeRows(piece, columns, row, until);
      this.#rowCount += end - row;
      row = end;
      if (this.size >= flushSize) yield this.take();
    }
  }

  /** Ends a statement; one without series still answers a document. */
  finish(result: StatementResult): void {
    if (this.#open === undefined) {
      this.#document.open();
      this.#document.openResult(result.statementId);
    } else {
      this.#document.closeSeries(false);
    }
    this.#document.closeResult(result.messages, false);
    this.#document.close();
    this.#open = undefined;
  }

  fail(statementId: number, error: string): void {
    if (this.#open !== undefined) {
      this.#document.closeSeries(true);
      this.#document.closeResult([], true);
      this.#document.close();
      this.#open = undefined;
    }
    this.#document.open();
    this.#document.openResult(statementId);
    this.#document.failResult(error);
    this.#document.close();
  }

  #begin(result: StatementResult, piece: SeriesPiece): void {
    this.#document.open();
    this.#document.openResult(result.statementId);
    this.#document.openSeries(piece);
    this.#open = piece;
    this.#rowCount = 0;
  }

  /** Closes the open document with more of the statement to come. */
  #close(result: StatementResult, seriesGoesOn: boolean): void {
    const isWhole = this.#open?.isWhole === true;
    this.#document.closeSeries(seriesGoesOn);
    this.#document.closeResult(result.messages, !isWhole);
    this.#document.close();
    this.#open = undefined;
  }
}
