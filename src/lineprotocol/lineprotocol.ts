/**
 * Line protocol: bytes of a write request -> columnar batch, with InfluxDB's verdict on every bad line.
 *
 * One parser serves all requests of a thread, one call at a time; it keeps what it learnt about the
 * series of each database. A large body is parsed in slices, so that the caller can yield in between.
 */

import { invariant } from '../base/errors.ts';
import { ExactRow } from './exact-row.ts';
import { skipWhitespace } from './exact-scan.ts';
import { FastRow } from './fast-row.ts';
import { FieldNames } from './field-names.ts';
import { findLineEnd } from './line-splitter.ts';
import type { DroppedRow, LineError, ParsedBatch } from './parsed-batch.ts';
import { type Precision, truncateTime } from './precision.ts';
import { RowStore } from './row-store.ts';
import { SeriesCache } from './series-cache.ts';

const lineFeed = 0x0a;
const hash = 0x23;
/** Databases whose series are remembered at a time; the one unused for longest goes first. */
const databasesMax = 32;
/** Bytes of all caches together, above which the one unused for longest goes. */
const cachesSizeMax = 128 * 1024 * 1024;
/** What a slice may cost, in lines; a new series counts for several. About 10 ms. */
const sliceWorkMax = 16_384;
const newSeriesWork = 3;
/** Bad lines that are kept word for word per slice; the rest is only counted. */
const errorLinesMax = 10_000;
const errorBytesMax = 4 * 1024 * 1024;

export interface ParseOptions {
  readonly database: string;
  readonly precision: Precision;
  /** The one "now" of the request: what points without a time get, truncated to the precision. */
  readonly nowNs: bigint;
  /** Where to start; the `next` of the slice before. Default 0. */
  readonly from?: number;
  /**
   * Stop at the first line end at or behind this many bytes, or where so much work is done that the caller
   * should yield (short lines, new series). Default: the whole body at once.
   */
  readonly sizeMax?: number;
  /** Number of the first line; the `nextLine` of the slice before. Default 1. */
  readonly firstLine?: number;
}

/** A small body of its own, and its "now". */
export interface BodyPart {
  readonly body: Uint8Array;
  /** What its points without a time get, truncated to the precision. */
  readonly nowNs: bigint;
}

/** Valid until the parser's next `parse`. */
export interface ParsedSlice extends ParsedBatch {
  /** Where the next slice starts; `body.length` = done. */
  readonly next: number;
  readonly nextLine: number;
  /** All malformed and all refused lines; `errors` and `dropped` may hold fewer. */
  readonly errorCount: number;
  readonly droppedCount: number;
}

interface DatabaseCache {
  readonly series: SeriesCache;
  readonly fields: FieldNames;
}

export class LineParser {
  private readonly seed: number;
  private readonly rows = new RowStore();
  private readonly fast: FastRow;
  private readonly exact = new ExactRow(this.rows);
  /** Least recently used first. */
  private readonly caches = new Map<string, DatabaseCache>();
  private bound: DatabaseCache;
  private body: Uint8Array = new Uint8Array(0);
  private errors: LineError[] = [];
  private errorBytes = 0;
  private errorCount = 0;
  private dropped: DroppedRow[] = [];
  private droppedCount = 0;

  /** `seed`: any random 32 bits, so that nobody can prepare colliding names. */
  constructor(seed = 0x811c9dc5) {
    this.seed = seed | 0;
    this.bound = createCache('', this.seed);
    this.fast = new FastRow(this.rows, (start, size, code) =>
      this.resolveSection(start, size, code),
    );
  }

  /** Bytes held by the caches. */
  get cacheBytes(): number {
    let size = 0;
    for (const { series, fields } of this.caches.values())
      size += series.byteSize + fields.byteSize;
    return size;
  }

  /** Never fails for any bytes: what cannot be taken is in `errors` and `dropped`. */
  parse(body: Uint8Array, options: ParseOptions): ParsedSlice {
    const { database, precision, nowNs, from = 0, sizeMax = body.length, firstLine = 1 } = options;
    invariant(from >= 0 && from <= body.length, 'a slice starts inside the body');
    const cache = this.bindDatabase(database);
    this.begin();
    const fastLimit = this.aim(body, precision, nowNs);
    const until = Math.min(body.length, from + Math.max(1, sizeMax));
    const workMax = options.sizeMax === undefined ? Number.POSITIVE_INFINITY : sliceWorkMax;
    const known = cache.series.raws.count;
    let at = from;
    let line = firstLine;
    while (at < until) {
      const work = line - firstLine + newSeriesWork * (cache.series.raws.count - known);
      if (work >= workMax) break;
      const next = at < fastLimit ? this.fast.scan(at) : -1;
      at = next >= 0 ? next : this.readExact(at, line);
      line++;
    }
    return this.finish(cache, Math.min(at, body.length), line);
  }

  /** Several bodies as one batch; what one leaves open ends with it. Lines are counted over all of them. */
  parseParts(
    parts: readonly BodyPart[],
    { database, precision }: Pick<ParseOptions, 'database' | 'precision'>,
  ): ParsedSlice {
    const cache = this.bindDatabase(database);
    this.begin();
    let line = 1;
    for (const { body, nowNs } of parts) {
      const fastLimit = this.aim(body, precision, nowNs);
      for (let at = 0; at < body.length; line++) {
        const next = at < fastLimit ? this.fast.scan(at) : -1;
        at = next >= 0 ? next : this.readExact(at, line);
      }
    }
    return this.finish(cache, 0, line);
  }

  /** Forgets a dropped database. */
  forget(database: string): void {
    this.caches.delete(database);
  }

  private begin(): void {
    this.rows.reset();
    this.errors = [];
    this.errorBytes = 0;
    this.errorCount = 0;
    this.dropped = [];
    this.droppedCount = 0;
  }

  /** Returns where the last line that the fast reader may take ends. */
  private aim(body: Uint8Array, precision: Precision, nowNs: bigint): number {
    const now = truncateTime(nowNs, precision);
    const bits = BigInt.asUintN(64, now);
    const words = { low: Number(bits & 0xffff_ffffn) | 0, high: Number(bits >> 32n) | 0 };
    const fastLimit = body.lastIndexOf(lineFeed);
    this.body = body;
    this.fast.begin(body, fastLimit, precision, words);
    this.exact.begin(precision, now);
    return fastLimit;
  }

  private finish(cache: DatabaseCache, next: number, nextLine: number): ParsedSlice {
    const { rows } = this;
    return {
      measurements: cache.series.batchMeasurements,
      series: cache.series.batchSeries,
      fields: cache.fields.batchFields,
      rowCount: rows.rowCount,
      rowSeries: rows.rowSeries,
      rowTimes: rows.rowTimes,
      cellStart: rows.cellStart,
      cellField: rows.cellField,
      cellFloats: rows.cellFloats,
      cellWords: rows.cellWords,
      text: rows.text,
      errors: this.errors,
      dropped: this.dropped,
      next,
      nextLine,
      errorCount: this.errorCount,
      droppedCount: this.droppedCount,
    };
  }

  /** Returns where the next line starts. */
  private readExact(from: number, lineNumber: number): number {
    const { body } = this;
    const lineEnd = findLineEnd(body, from);
    const start = skipWhitespace(body, from, lineEnd);
    if (start >= lineEnd || body[start] === hash) return lineEnd + 1;
    // Only an unterminated quote lets a line feed be the last byte of a line.
    const end = body[lineEnd - 1] === lineFeed ? lineEnd - 1 : lineEnd;
    const verdict = this.exact.read(body, start, end);
    if (verdict === 'malformed') this.addError(lineNumber, body.subarray(start, end));
    if (verdict === 'dropped') this.addDropped(lineNumber);
    return lineEnd + 1;
  }

  private addError(lineNumber: number, line: Uint8Array): void {
    this.errorCount++;
    if (this.errors.length > 0 && this.errorBytes > errorBytesMax) return;
    if (this.errors.length >= errorLinesMax) return;
    this.errorBytes += line.length;
    this.errors.push({ lineNumber, line, reason: this.exact.reason });
  }

  private addDropped(lineNumber: number): void {
    this.droppedCount++;
    if (this.dropped.length >= errorLinesMax) return;
    this.dropped.push({ lineNumber, reason: this.exact.reason });
  }

  private resolveSection(start: number, size: number, code: number): number {
    const series = this.exact.resolveSection(this.body, start, start + size);
    return series < 0 ? -1 : this.bound.series.addRaw(this.body, start, size, code, series);
  }

  private bindDatabase(database: string): DatabaseCache {
    const known = this.caches.get(database);
    // Fields name measurements by the series cache's numbers: both live and go together.
    const isUsable = known !== undefined && !known.series.isFull && !known.fields.isFull;
    const cache = isUsable ? known : createCache(database, this.seed);
    this.caches.delete(database);
    this.caches.set(database, cache);
    this.evictCaches();
    cache.series.beginBatch();
    cache.fields.beginBatch();
    this.bound = cache;
    this.fast.bind(cache.series, cache.fields);
    this.exact.bind(cache.series, cache.fields);
    return cache;
  }

  private evictCaches(): void {
    while (this.caches.size > 1) {
      if (this.caches.size <= databasesMax && this.cacheBytes <= cachesSizeMax) return;
      const [oldest] = this.caches.keys();
      this.caches.delete(oldest!);
    }
  }
}

function createCache(database: string, seed: number): DatabaseCache {
  return { series: new SeriesCache(database, seed), fields: new FieldNames(seed) };
}
