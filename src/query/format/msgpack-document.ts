/**
 * Writes `{"results":[...]}` as MessagePack. Every list says its length first, so a document is held until
 * it is complete: rows as encoded bytes, in parts.
 */

import { CitadelError, invariant } from '../../base/errors.ts';
import type { SeriesPiece, StatementMessage } from '../result.ts';
import { ByteWriter } from './byte-writer.ts';
import { type MsgpackColumn, wordsOf } from './msgpack-column.ts';
import {
  nanosOf,
  secondsOf,
  writeArrayHeader,
  writeBool,
  writeInt,
  writeInt64,
  writeMapHeader,
  writeText,
  writeTime,
} from './msgpack-values.ts';
import type { EpochUnit } from './options.ts';

const startCapacity = 16 * 1024;
const partSize = 256 * 1024;
/** Encoded bytes that a document may hold; a chunked one is cut before. */
const documentSizeMax = 256 * 1024 * 1024;
const chunkSizeMax = 16 * 1024 * 1024;

const unitsPerSecond = { u: 1e6, ms: 1e3 } as const;

/** As a whole number of the unit, cut off toward zero. */
function writeSinceEpoch(out: ByteWriter, unit: EpochUnit, low: number, high: number): void {
  if (unit === 'ns') {
    writeInt64(out, low, high);
    return;
  }
  let seconds = secondsOf(low, high);
  let nanos = nanosOf(low, seconds);
  if (seconds < 0 && nanos > 0) {
    seconds++;
    nanos -= 1e9;
  }
  if (unit === 'u' || unit === 'ms') {
    const scale = unitsPerSecond[unit];
    const micros = BigInt(seconds) * BigInt(scale) + BigInt(Math.trunc(nanos / (1e9 / scale)));
    writeInt64(out, Number(BigInt.asIntN(32, micros)), Number(micros >> 32n));
    return;
  }
  const whole = unit === 's' ? seconds : Math.trunc(seconds / (unit === 'm' ? 60 : 3600));
  writeInt(out, whole === 0 ? 0 : whole);
}

export class MsgpackDocument {
  readonly #epoch: EpochUnit | undefined;
  readonly #rows = new ByteWriter(startCapacity);
  /** What is complete of the document, of the open result, and of the open series' rows. */
  #results: Uint8Array[] = [];
  #series: Uint8Array[] = [];
  #values: Uint8Array[] = [];
  #resultCount = 0;
  #seriesCount = 0;
  #rowCount = 0;
  #heldSize = 0;
  #open: SeriesPiece | undefined;

  constructor(epoch: EpochUnit | undefined) {
    this.#epoch = epoch;
  }

  /** Whether a chunk should end here. */
  get isFull(): boolean {
    return this.#heldSize + this.#rows.size >= chunkSizeMax;
  }

  get heldBytes(): number {
    return this.#heldSize + this.#rows.size;
  }

  openSeries(piece: SeriesPiece): void {
    invariant(this.#open === undefined, 'one series is open at a time');
    this.#open = piece;
    this.#rowCount = 0;
  }

  /** Rows [from, until) of the piece into the open series. @throws CitadelError `limit-exceeded` */
  writeRows(piece: SeriesPiece, columns: readonly MsgpackColumn[], from: number, until: number) {
    const out = this.#rows;
    const words = piece.times && wordsOf(piece.times);
    const width = columns.length + (words === undefined ? 0 : 1);
    for (let row = from; row < until; row++) {
      writeArrayHeader(out, width);
      if (words !== undefined) this.#writeTime(words[2 * row]!, words[2 * row + 1]!);
      for (const column of columns) column.write(out, row);
      if (out.size >= partSize) this.#hold(this.#values, out.take());
    }
    this.#rowCount += until - from;
    if (this.#heldSize <= documentSizeMax) return;
    throw new CitadelError(
      'limit-exceeded',
      'answer is too large to be held: ask for it with chunked=true, or as JSON',
    );
  }

  closeSeries(isPartial: boolean): void {
    const series = this.#open;
    invariant(series !== undefined, 'a series is open');
    const { name, tags = [], columns } = series;
    const head = new ByteWriter(256);
    const hasName = name !== '';
    const hasTags = tags.length > 0;
    writeMapHeader(head, 2 + Number(hasName) + Number(hasTags) + Number(isPartial));
    if (hasName) writeEntry(head, 'name', name);
    if (hasTags) {
      writeText(head, 'tags');
      writeMapHeader(head, tags.length);
      for (const [key, value] of tags) writeEntry(head, key, value);
    }
    writeText(head, 'columns');
    writeArrayHeader(head, columns.length);
    for (const column of columns) writeText(head, column);
    writeText(head, 'values');
    writeArrayHeader(head, this.#rowCount);
    this.#hold(this.#series, head.take());
    for (const part of this.#values) this.#series.push(part);
    if (isPartial) writePartial(this.#rows);
    this.#hold(this.#series, this.#rows.take());
    this.#values = [];
    this.#open = undefined;
    this.#seriesCount++;
  }

  closeResult(id: number, messages: readonly StatementMessage[], isPartial: boolean): void {
    const head = new ByteWriter(256);
    writeMapHeader(head, 2 + Number(messages.length > 0) + Number(isPartial));
    writeText(head, 'statement_id');
    writeInt(head, id);
    if (messages.length > 0) {
      writeText(head, 'messages');
      writeArrayHeader(head, messages.length);
      for (const { level, text } of messages) {
        writeMapHeader(head, 2);
        writeEntry(head, 'level', level);
        writeEntry(head, 'text', text);
      }
    }
    writeText(head, 'series');
    writeArrayHeader(head, this.#seriesCount);
    this.#results.push(head.take());
    for (const part of this.#series) this.#results.push(part);
    if (isPartial) {
      writePartial(head);
      this.#results.push(head.take());
    }
    this.#endResult();
  }

  /** The error stands in place of all that the result had. */
  failResult(error: string): void {
    const head = new ByteWriter(256);
    writeMapHeader(head, 1);
    writeEntry(head, 'error', error);
    this.#results.push(head.take());
    this.#rows.size = 0;
    this.#values = [];
    this.#open = undefined;
    this.#endResult();
  }

  /** The whole document; the next one starts empty. */
  *take(): Generator<Uint8Array> {
    const head = new ByteWriter(32);
    writeMapHeader(head, 1);
    writeText(head, 'results');
    writeArrayHeader(head, this.#resultCount);
    const parts = this.#results;
    this.#results = [];
    this.#resultCount = 0;
    this.#heldSize = 0;
    yield head.take();
    yield* parts;
  }

  #endResult(): void {
    this.#series = [];
    this.#seriesCount = 0;
    this.#resultCount++;
  }

  #hold(parts: Uint8Array[], part: Uint8Array): void {
    if (part.length === 0) return;
    parts.push(part);
    this.#heldSize += part.length;
  }

  #writeTime(low: number, high: number): void {
    if (this.#epoch === undefined) writeTime(this.#rows, low, high);
    else writeSinceEpoch(this.#rows, this.#epoch, low, high);
  }
}

function writeEntry(out: ByteWriter, key: string, value: string): void {
  writeText(out, key);
  writeText(out, value);
}

function writePartial(out: ByteWriter): void {
  writeText(out, 'partial');
  writeBool(out, true);
}
