/**
 * Writes `{"results":[...]}` document by document: keeps the order of keys, knows what is open, and
 * leaves out what is empty.
 */

import { InvariantError } from '../../base/errors.ts';
import type { SeriesPiece, StatementMessage } from '../result.ts';
import { ByteWriter } from './byte-writer.ts';
import type { JsonColumn } from './column-text.ts';
import { JsonLayout } from './json-layout.ts';
import { writeJsonString } from './json-string.ts';
import { writeInteger } from './number-text.ts';
import type { FormatOptions } from './options.ts';
import { TimeText } from './time-text.ts';

/** Most answers are small; a large one doubles it a few times. */
const startCapacity = 4 * 1024;
/** They hold nothing of a document. */
const layouts = { plain: new JsonLayout(false), pretty: new JsonLayout(true) } as const;
/** Between two looks at how full the buffer is. */
const rowsPerSlice = 512;
/** Long rows end a slice early. */
const sliceSize = 64 * 1024;

export class JsonDocument {
  readonly out = new ByteWriter(startCapacity);
  readonly #layout: JsonLayout;
  readonly #options: FormatOptions;
  #resultCount = 0;
  #seriesCount = 0;
  /** Rows written into the open series. */
  #rowCount = 0;
  #columnCount = 0;
  #isSeriesOpen = false;
  /** Where the open result's first byte behind its id is; -1 = handed on. */
  #resultStart = 0;
  #times: TimeText | undefined;
  #zone: string | undefined;

  constructor(options: FormatOptions) {
    this.#options = options;
    this.#layout = options.pretty ? layouts.pretty : layouts.plain;
  }

  open(): void {
    this.out.byte(123);
    this.#resultCount = 0;
  }

  close(): void {
    const { out } = this;
    if (this.#resultCount > 0) {
      this.#layout.close(out, 1, ']');
      this.#layout.breakLine(out, 0);
    }
    out.byte(125);
    out.byte(10);
  }

  openResult(statementId: number): void {
    const { out } = this;
    if (this.#resultCount === 0) {
      this.#layout.key(out, 1, 'results', true);
      out.byte(91);
    }
    this.#layout.item(out, 2, this.#resultCount === 0);
    out.byte(123);
    this.#layout.key(out, 3, 'statement_id', true);
    writeInteger(out, statementId);
    this.#resultCount++;
    this.#seriesCount = 0;
    this.#resultStart = out.size;
  }

  /** Hands on what was written; what is handed on cannot be taken back. */
  take(): Uint8Array {
    this.#resultStart = -1;
    return this.out.take();
  }

  /** Closes the open result with an error, in place of its series where that is still possible. */
  failResult(error: string): void {
    if (this.#resultStart >= 0) {
      this.out.size = this.#resultStart;
      this.#seriesCount = 0;
      this.#isSeriesOpen = false;
    }
    if (this.#isSeriesOpen) this.closeSeries(false);
    this.closeResult([], false, error);
  }

  /** `partial`: more of this result comes in another document. */
  closeResult(messages: readonly StatementMessage[], partial: boolean, error?: string): void {
    const { out } = this;
    if (this.#seriesCount > 0) this.#layout.close(out, 3, ']');
    if (messages.length > 0) this.#writeMessages(messages);
    if (partial) this.#writeTrue(3, 'partial');
    if (error !== undefined) {
      this.#layout.key(out, 3, 'error', false);
      writeJsonString(out, error);
    }
    this.#layout.close(out, 2, '}');
  }

  openSeries(piece: SeriesPiece): void {
    const { out } = this;
    if (this.#seriesCount === 0) {
      this.#layout.key(out, 3, 'series', false);
      out.byte(91);
    }
    this.#layout.item(out, 4, this.#seriesCount === 0);
    out.byte(123);
    this.#seriesCount++;
    this.#isSeriesOpen = true;
    this.#rowCount = 0;
    this.#columnCount = piece.columns.length;
    let isFirst = true;
    if (piece.name !== '') {
      this.#layout.key(out, 5, 'name', isFirst);
      writeJsonString(out, piece.name);
      isFirst = false;
    }
    if (piece.tags !== undefined && piece.tags.length > 0) {
      this.#writeTags(piece.tags, isFirst);
      isFirst = false;
    }
    if (piece.columns.length === 0) return;
    this.#layout.key(out, 5, 'columns', isFirst);
    this.#layout.strings(out, 5, piece.columns);
  }

  closeSeries(partial: boolean): void {
    if (this.#rowCount > 0) this.#layout.close(this.out, 5, ']');
    if (partial) this.#writeTrue(5, 'partial');
    this.#layout.close(this.out, 4, '}');
    this.#isSeriesOpen = false;
  }

  /**
   * Writes rows [from, until) of the piece into the open series, no more than a slice; returns where
   * it stopped.
   */
  writeRows(
    piece: SeriesPiece,
    columns: readonly JsonColumn[],
    from: number,
    until: number,
  ): number {
    const end = Math.min(until, from + rowsPerSlice);
    if (end <= from) return from;
    const sizeBefore = this.out.size;
    const countBefore = this.#rowCount;
    try {
      return this.#writeSlice(piece, columns, from, end);
    } catch (error) {
      // A value that cannot be written leaves no half row behind.
      this.out.size = sizeBefore;
      this.#rowCount = countBefore;
      throw error;
    }
  }

  /** Returns where it stopped. */
  #writeSlice(
    piece: SeriesPiece,
    columns: readonly JsonColumn[],
    from: number,
    end: number,
  ): number {
    const { out } = this;
    const sizeMax = out.size + sliceSize;
    if (this.#rowCount === 0) {
      this.#layout.key(out, 5, 'values', this.#columnCount === 0);
      out.byte(91);
    }
    const words = piece.times === undefined ? undefined : wordsOf(piece.times);
    const times = this.#timesFor(piece.zone);
    for (let row = from; row < end; row++) {
      this.#layout.item(out, 6, this.#rowCount++ === 0);
      out.byte(91);
      if (words !== undefined) this.#writeTime(times, words[2 * row]!, words[2 * row + 1]!);
      for (let i = 0; i < columns.length; i++) {
        this.#layout.item(out, 7, i === 0 && words === undefined);
        columns[i]!.write(out, row);
      }
      this.#layout.close(out, 6, ']');
      if (out.size > sizeMax) return row + 1;
    }
    return end;
  }

  #writeTime(times: TimeText, low: number, high: number): void {
    const { out } = this;
    this.#layout.breakLine(out, 7);
    if (times.quoted) out.byte(34);
    times.write(out, low, high);
    if (times.quoted) out.byte(34);
  }

  #timesFor(zone: string | undefined): TimeText {
    if (this.#times === undefined || zone !== this.#zone) {
      this.#times = new TimeText(this.#options.epoch, zone);
      this.#zone = zone;
    }
    return this.#times;
  }

  #writeTags(tags: readonly (readonly [string, string])[], isFirst: boolean): void {
    const { out } = this;
    this.#layout.key(out, 5, 'tags', isFirst);
    out.byte(123);
    for (let i = 0; i < tags.length; i++) {
      const [key, value] = tags[i]!;
      this.#layout.key(out, 6, key, i === 0);
      writeJsonString(out, value);
    }
    this.#layout.close(out, 5, '}');
  }

  #writeMessages(messages: readonly StatementMessage[]): void {
    const { out } = this;
    this.#layout.key(out, 3, 'messages', false);
    out.byte(91);
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!;
      this.#layout.item(out, 4, i === 0);
      out.byte(123);
      this.#layout.key(out, 5, 'level', true);
      writeJsonString(out, message.level);
      this.#layout.key(out, 5, 'text', false);
      writeJsonString(out, message.text);
      this.#layout.close(out, 4, '}');
    }
    this.#layout.close(out, 3, ']');
  }

  #writeTrue(depth: number, key: string): void {
    this.#layout.key(this.out, depth, key, false);
    this.out.ascii('true');
  }
}

/** Low and high halves in turn; every machine Node runs on is little-endian. */
function wordsOf(times: BigInt64Array): Int32Array {
  if (times.byteOffset % 4 !== 0) throw new InvariantError('times are aligned');
  return new Int32Array(times.buffer, times.byteOffset, times.length * 2);
}
