/**
 * The ordinary line, read in one pass: no odd escapes, no stray spaces, one space between sections,
 * values whose text needs no thought. Whatever is not ordinary gets the answer -1, leaves no trace, and
 * is read again by exact-row.ts, which alone knows errors.
 *
 * Ordinary means: the line splitter and the exact reader agree about it byte for byte. Backslashes are
 * taken only where both skip them (single, before a byte that is neither a backslash nor a line feed).
 *
 * `limit` is the index of a line feed at or behind every line read here, so that scanning for a
 * terminator needs no bounds check.
 */

import { viewOf } from '../base/bytes.ts';
import { fieldTypeOf, typeCode } from '../model/field-type.ts';
import { equalRanges } from './byte-table.ts';
import { codesPerField, type FieldNames } from './field-names.ts';
import { FieldRun } from './field-run.ts';
import { type Precision, secondsPerUnit, unitsPerSecond } from './precision.ts';
import type { RowStore } from './row-store.ts';
import type { SeriesCache } from './series-cache.ts';
import { safeSecondsMax, splitTime } from './time-words.ts';

const lineFeed = 0x0a;
const space = 0x20;
const quote = 0x22;
const hash = 0x23;
const comma = 0x2c;
const minus = 0x2d;
const equals = 0x3d;
const backslash = 0x5c;
const lowerI = 0x69;

/** Longer sections and names go the exact way, so that the key limit is checked in one place only. */
const sectionSizeMax = 30_000;
const nameSizeMax = 4_096;
const exactIntegerMax = 9_007_199_254_740_991;
const twoTo32 = 4_294_967_296;

/** Exact powers: a quotient of two exact numbers is rounded once, as strtod does. */
const powersOfTen = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

const {
  float: floatCode,
  integer: integerCode,
  string: stringCode,
  boolean: booleanCode,
} = typeCode;

/** Odd places are true. */
const booleans = ['f', 't', 'F', 'T', 'false', 'true', 'False', 'True', 'FALSE', 'TRUE'];

/** Finds what the raw first section of a line means; -1 = not ordinary. */
export type ResolveSection = (start: number, size: number, hash: number) => number;

export class FastRow {
  private readonly rows: RowStore;
  private readonly resolve: ResolveSection;
  private readonly run: FieldRun;
  private readonly time = { low: 0, high: 0 };
  private series!: SeriesCache;
  private fields!: FieldNames;
  private body!: Uint8Array;
  private text!: Buffer;
  private view!: DataView;
  private limit = 0;
  private unitsPerSecond = 0;
  private secondsPerUnit = 0;
  private defaultLow = 0;
  private defaultHigh = 0;
  private previousRaw = 0;
  private measurement = 0;
  private sameTimeStart = 0;
  private sameTimeSize = 0;
  private sameLow = 0;
  private sameHigh = 0;

  constructor(rows: RowStore, resolve: ResolveSection) {
    this.rows = rows;
    this.resolve = resolve;
    this.run = new FieldRun(rows);
  }

  /** Which database the next lines belong to. */
  bind(series: SeriesCache, fields: FieldNames): void {
    if (series !== this.series) this.previousRaw = 0;
    this.series = series;
    this.fields = fields;
  }

  begin(
    body: Uint8Array,
    limit: number,
    precision: Precision,
    now: { low: number; high: number },
  ): void {
    this.body = body;
    this.text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    this.view = viewOf(body);
    this.limit = limit;
    this.run.begin(this.fields, body, this.view, limit);
    this.unitsPerSecond = unitsPerSecond[precision];
    this.secondsPerUnit = secondsPerUnit[precision];
    this.defaultLow = now.low;
    this.defaultHigh = now.high;
    this.sameTimeSize = 0;
  }

  /** Reads the line at `start`; returns where the next one starts, or -1. */
  scan(start: number): number {
    const raw = this.scanSection(start);
    if (raw < 0) return -1;
    const { body, rows, fields, run } = this;
    const series = this.series.rawSeries[raw]!;
    const fieldCount = fields.batchFields.length;
    this.measurement = this.series.keyMeasurement[series]!;
    run.expected = fields.expectFirst(this.measurement);
    run.previous = -1;
    let at = start + this.series.raws.sizes[raw]!;
    for (;;) {
      at = run.scan(at);
      if (at >= 0) break;
      at = this.scanField(-1 - at);
      if (at < 0 || body[at] !== comma) break;
      at++;
    }
    this.time.low = this.defaultLow;
    this.time.high = this.defaultHigh;
    if (at >= 0 && body[at] === space) at = this.scanTime(at + 1);
    if (at < 0 || at > this.limit) {
      rows.dropCells();
      fields.truncateBatch(fieldCount);
      return -1;
    }
    rows.endRow(this.series.batchIndex(series), this.time.low, this.time.high);
    return at + 1;
  }

  private scanSection(start: number): number {
    const { raws, rawNext } = this.series;
    const guess = rawNext[this.previousRaw]! - 1;
    if (
      guess >= 0 &&
      start + raws.sizes[guess]! <= this.limit &&
      raws.matches(guess, this.view, start)
    ) {
      this.previousRaw = guess;
      return guess;
    }
    const raw = this.findSection(start);
    if (raw < 0) return -1;
    rawNext[this.previousRaw] = raw + 1;
    this.previousRaw = raw;
    return raw;
  }

  private findSection(start: number): number {
    const { body } = this;
    const first = body[start]!;
    if (first <= space || first === hash || first === comma) return -1;
    let code = this.series.seed;
    let at = start;
    for (let byte = first; byte !== space; byte = body[++at]!) {
      if (byte === lineFeed) return -1;
      code = Math.imul(code ^ byte, 0x01000193);
      if (byte !== backslash) continue;
      const hidden = body[++at]!;
      if (hidden === backslash || hidden === lineFeed) return -1;
      code = Math.imul(code ^ hidden, 0x01000193);
    }
    const size = at + 1 - start;
    if (size > sectionSizeMax) return -1;
    const known = this.series.raws.find(this.view, start, size, code);
    return known >= 0 ? known : this.resolve(start, size, code);
  }

  /** Reads `name=value`; returns the index of the byte behind it: comma, space or line feed. */
  private scanField(at: number): number {
    const { fields, run } = this;
    const { names } = fields;
    let field = run.expected;
    if (field >= 0) {
      const name = fields.fieldName[field]!;
      if (at + names.sizes[name]! > this.limit || !names.matches(name, this.view, at)) field = -1;
    }
    if (field < 0) field = this.findField(at);
    if (field < 0) return -1;
    run.expected = fields.fieldNext[field]! - 1;
    run.previous = field;
    const value = at + names.sizes[fields.fieldName[field]!]!;
    const first = this.body[value]!;
    if (first <= 0x39 && first !== quote) return this.scanNumber(value, field);
    if (first === quote) return this.scanString(value, field);
    return this.scanBoolean(value, field);
  }

  private findField(start: number): number {
    const { body } = this;
    let at = start;
    for (let byte = body[at]!; byte !== equals; byte = body[++at]!) {
      const special = byte <= space || byte === quote || byte === comma || byte === backslash;
      if (special) return -1;
    }
    const size = at + 1 - start;
    if (size === 1 || size > nameSizeMax || this.isTime(start, size)) return -1;
    const field = this.fields.intern(this.measurement, body, start, size);
    this.fields.learn(this.measurement, this.run.previous, field);
    return field;
  }

  private isTime(start: number, size: number): boolean {
    return size === 5 && this.text.toString('latin1', start, start + 4) === 'time';
  }

  /** Index of (field, type) in the batch's list. */
  private fieldIndex(field: number, code: number): number {
    const { fields } = this;
    const slot = field * codesPerField + code;
    if (fields.slotStamp[slot] === fields.stamp) return fields.slotIndex[slot]!;
    const measurement = this.series.batchMeasurement(this.measurement);
    return fields.enterBatch(field, fieldTypeOf(code)!, measurement, this.rows.rowCount);
  }

  private isTerminator(at: number): boolean {
    const byte = this.body[at];
    return byte === comma || byte === space || byte === lineFeed;
  }

  /** Digits first; the byte that ends them decides. */
  private scanNumber(start: number, field: number): number {
    const { body } = this;
    const negative = body[start] === minus;
    const digits = negative ? start + 1 : start;
    let at = digits;
    let value = 0;
    let digit = body[at]! - 0x30;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = body[++at]! - 0x30;
    }
    if (digit === lowerI - 0x30) {
      if (at === digits || !this.isTerminator(at + 1)) return -1;
      if (value > exactIntegerMax) return this.scanLongInteger(digits, at, field);
      this.addInteger(field, negative, value);
      return at + 1;
    }
    let scale = 0;
    if (digit === -2) {
      const decimals = at + 1;
      digit = body[++at]! - 0x30;
      while (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        digit = body[++at]! - 0x30;
      }
      scale = at - decimals;
      if (at - digits === 1) return -1;
    } else if (at === digits) return -1;
    if (value > exactIntegerMax || scale > 22 || !this.isTerminator(at)) {
      return this.scanFloatText(start, field);
    }
    const float = scale === 0 ? value : value / powersOfTen[scale]!;
    this.rows.addFloat(this.fieldIndex(field, floatCode), negative ? -float : float);
    return at;
  }

  private addInteger(field: number, negative: boolean, value: number): void {
    const index = this.fieldIndex(field, integerCode);
    let low = value | 0;
    let high = value <= 0x7fffffff ? 0 : Math.floor(value / twoTo32) | 0;
    if (negative) {
      low = -low | 0;
      high = low === 0 ? -high | 0 : ~high;
    }
    this.rows.addWords(index, low, high);
  }

  /** 16 to 18 digits; `end` is the index of the `i`. */
  private scanLongInteger(digits: number, end: number, field: number): number {
    if (end - digits > 18) return -1;
    const head = this.parseDigits(digits, end - 9);
    const tail = this.parseDigits(end - 9, end);
    splitTime(this.body[digits - 1] === minus, head, tail, this.time);
    this.rows.addWords(this.fieldIndex(field, integerCode), this.time.low, this.time.high);
    return end + 1;
  }

  private parseDigits(from: number, until: number): number {
    let value = 0;
    for (let i = from; i < until; i++) value = value * 10 + (this.body[i]! - 0x30);
    return value;
  }

  /** Exponents and long mantissas: JavaScript's reader is exact, and takes just what strtod takes here. */
  private scanFloatText(start: number, field: number): number {
    const { body } = this;
    let at = start;
    while (!this.isTerminator(at)) {
      const byte = body[at]!;
      const isDigit = byte >= 0x30 && byte <= 0x39;
      const isSign = byte === 0x2b || byte === minus;
      if (!isDigit && !isSign && byte !== 0x2e && (byte | 0x20) !== 0x65) return -1;
      at++;
    }
    const value = Number(this.text.toString('latin1', start, at));
    if (!Number.isFinite(value)) return -1;
    this.rows.addFloat(this.fieldIndex(field, floatCode), value);
    return at;
  }

  private scanString(start: number, field: number): number {
    const { body, limit } = this;
    let escaped = false;
    let at = start + 1;
    for (let byte = body[at]!; byte !== quote; byte = body[++at]!) {
      if (byte === backslash) {
        escaped = true;
        at++;
      }
      if (at >= limit) return -1;
    }
    if (at >= limit || !this.isTerminator(at + 1)) return -1;
    const index = this.fieldIndex(field, stringCode);
    const { rows } = this;
    const offset = rows.textSize;
    if (escaped) rows.appendEscaped(body, start + 1, at);
    else rows.appendText(body, start + 1, at);
    rows.addWords(index, offset, rows.textSize - offset);
    return at + 1;
  }

  private scanBoolean(start: number, field: number): number {
    let end = start;
    while (!this.isTerminator(end)) {
      if (end - start > 5) return -1;
      end++;
    }
    const value = booleans.indexOf(this.text.toString('latin1', start, end));
    if (value < 0) return -1;
    this.rows.addWords(this.fieldIndex(field, booleanCode), value & 1, 0);
    return end;
  }

  /** Reads the time into `this.time`; returns the index of the line feed behind it. */
  private scanTime(start: number): number {
    const { body, time } = this;
    const size = this.sameTimeSize;
    if (size > 0 && body[start + size] === lineFeed && this.isSameTime(start, size)) {
      time.low = this.sameLow;
      time.high = this.sameHigh;
      return start + size;
    }
    const negative = body[start] === minus;
    const digits = negative ? start + 1 : start;
    let end = digits;
    for (let byte = body[end]!; byte >= 0x30 && byte <= 0x39; byte = body[++end]!);
    if (end === digits || body[end] !== lineFeed) return -1;
    if (!this.convertTime(negative, digits, end)) return -1;
    this.sameTimeStart = start;
    this.sameTimeSize = end - start;
    this.sameLow = time.low;
    this.sameHigh = time.high;
    return end;
  }

  private isSameTime(start: number, size: number): boolean {
    return equalRanges(this.view, start, this.view, this.sameTimeStart, size);
  }

  /** False when the exact reader must decide: many digits, or near the ends of the range. */
  private convertTime(negative: boolean, digits: number, end: number): boolean {
    const count = end - digits;
    let seconds = 0;
    let nanos = 0;
    if (this.unitsPerSecond === 1e9) {
      if (count > 19) return false;
      const split = count > 9 ? end - 9 : digits;
      seconds = this.parseDigits(digits, split);
      nanos = this.parseDigits(split, end);
    } else {
      if (count > 15) return false;
      const units = this.parseDigits(digits, end);
      if (this.unitsPerSecond === 0) seconds = units * this.secondsPerUnit;
      else {
        seconds = Math.floor(units / this.unitsPerSecond);
        nanos = (units - seconds * this.unitsPerSecond) * (1e9 / this.unitsPerSecond);
      }
    }
    if (seconds > safeSecondsMax) return false;
    splitTime(negative, seconds, nanos, this.time);
    return true;
  }
}
