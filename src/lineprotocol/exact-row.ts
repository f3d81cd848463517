/**
 * The exact reader: takes any line as InfluxDB 1.x does, or says why not in its words.
 *
 * Slower than fast-row.ts and never wrong; both fill the same stores.
 */

import { ByteWriter, compareBytes, equalBytes, viewOf } from '../base/bytes.ts';
import { decodeText, printableText } from '../base/text.ts';
import { type FieldType, typeCode } from '../model/field-type.ts';
import { maxTime, minTime } from '../model/time.ts';
import { removeEscapes } from './escape.ts';
import { ExactScan, integerFault, keySizeMax, skipWhitespace } from './exact-scan.ts';
import type { FieldNames } from './field-names.ts';
import { nsPerUnit, type Precision } from './precision.ts';
import type { RowStore } from './row-store.ts';
import { SectionKey } from './section-key.ts';
import type { SeriesCache } from './series-cache.ts';

const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const equals = 0x3d;

/** What happened to a line: taken, taken apart but refused (`reason`), or malformed (`reason`). */
export type Verdict = 'row' | 'dropped' | 'malformed';

const outsideRange = `time outside range ${minTime} - ${maxTime}`;
/** What InfluxDB counts between series key and field key: the separator of its storage keys. */
const keySeparatorSize = 4;
const tagTime = Uint8Array.of(0x74, 0x69, 0x6d, 0x65);

const nameSpecials: ReadonlySet<number> = new Set([comma, quote, space, equals]);
const tagSpecials: ReadonlySet<number> = new Set([comma, space, equals]);

interface Tag {
  /** As in the line: the order of tags and what is a duplicate go by these bytes. */
  readonly rawKey: Uint8Array;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export class ExactRow {
  /** Why the last line was refused. */
  reason = '';
  private readonly rows: RowStore;
  private readonly scan = new ExactScan();
  private readonly key = new SectionKey();
  private readonly time = new BigInt64Array(1);
  private readonly timeWords = new Uint32Array(this.time.buffer);
  private series!: SeriesCache;
  private fields!: FieldNames;
  private precision: Precision = 'ns';
  private now = 0n;
  private measurement = 0;
  private hasTimeTag = false;

  constructor(rows: RowStore) {
    this.rows = rows;
  }

  bind(series: SeriesCache, fields: FieldNames): void {
    this.series = series;
    this.fields = fields;
  }

  begin(precision: Precision, nowNs: bigint): void {
    this.precision = precision;
    this.now = nowNs;
  }

  /** `[start, end)` with leading whitespace cut; not empty, no comment. */
  read(body: Uint8Array, start: number, end: number): Verdict {
    const fieldCount = this.fields.batchFields.length;
    const verdict = this.readLine(body, start, end);
    if (verdict !== 'row') {
      this.rows.dropCells();
      this.fields.truncateBatch(fieldCount);
    }
    return verdict;
  }

  /**
   * The series of the section `[start, end)`, the space included, for fast-row.ts; -1 when the line must be
   * read here, because it is refused or its tags are.
   */
  resolveSection(body: Uint8Array, start: number, end: number): number {
    this.scan.begin(body, end);
    if (this.scan.scanSection(start) !== end - 1) return -1;
    const series = this.internSeries(start, end - 1);
    return this.hasTimeTag ? -1 : series;
  }

  private malformed(reason: string): 'malformed' {
    this.reason = reason;
    return 'malformed';
  }

  private readLine(body: Uint8Array, start: number, end: number): Verdict {
    const { scan } = this;
    scan.begin(body, end);
    const sectionEnd = scan.scanSection(start);
    if (sectionEnd < 0) return this.malformed(scan.reason);
    const series = this.internSeries(start, sectionEnd);
    if (series < 0) return this.malformed(this.reason);
    const fieldsAt = skipWhitespace(body, sectionEnd, end);
    const fieldsEnd = scan.scanFields(fieldsAt);
    if (fieldsEnd < 0) return this.malformed(scan.reason);
    if (fieldsEnd === fieldsAt) return this.malformed('missing fields');
    const sectionSize = sectionEnd - start;
    if (!this.readFields(body, fieldsAt, fieldsEnd, sectionSize)) return 'malformed';
    if (!this.readTime(body, fieldsEnd, end)) return 'malformed';
    return this.endRow(series);
  }

  private endRow(series: number): Verdict {
    const name = printableText(this.series.measurementText(this.measurement));
    if (this.hasTimeTag) {
      this.reason = `invalid tag key: input tag "time" on measurement "${name}" is invalid`;
      return 'dropped';
    }
    if (this.rows.cellCount === this.rows.cellStart[this.rows.rowCount]) {
      this.reason = `invalid field name: input field "time" on measurement "${name}" is invalid`;
      return 'dropped';
    }
    this.rows.endRow(this.series.batchIndex(series), this.timeWords[0]!, this.timeWords[1]!);
    return 'row';
  }

  /** Series number; -1 with `reason` for duplicate tags and keys that are too long. */
  private internSeries(start: number, end: number): number {
    const { scan, series } = this;
    const shape = this.key.encode(scan, start, end);
    if (shape === 'escaped') return this.internEscaped(start, end);
    if (shape === 'duplicate') return this.refuse('duplicate tags');
    if (end - start > keySizeMax) return this.refuse(tooLongKey(end - start));
    this.measurement = series.internMeasurement(scan.bytes, start, this.key.measurementSize);
    this.hasTimeTag = this.key.hasTimeTag;
    const { bytes, view, size } = this.key;
    return series.internSeries(bytes, view, size, this.measurement);
  }

  private refuse(reason: string): -1 {
    this.reason = reason;
    return -1;
  }

  private internEscaped(start: number, end: number): number {
    const { scan, series } = this;
    const { bytes, tags: places } = scan;
    const measurement = removeEscapes(bytes.subarray(start, scan.measurementEnd), nameSpecials);
    const tags: Tag[] = [];
    for (let i = 0; i < places.length; i += 4) {
      const rawKey = bytes.subarray(places[i]!, places[i + 1]!);
      const rawValue = bytes.subarray(places[i + 2]!, places[i + 3]!);
      const key = removeEscapes(rawKey, tagSpecials);
      tags.push({ rawKey, key, value: removeEscapes(rawValue, tagSpecials) });
    }
    tags.sort((a, b) => compareBytes(a.rawKey, b.rawKey));
    for (let i = 1; i < tags.length; i++) {
      if (equalBytes(tags[i - 1]!.rawKey, tags[i]!.rawKey)) return this.refuse('duplicate tags');
    }
    if (end - start > keySizeMax) return this.refuse(tooLongKey(end - start));
    this.measurement = series.internMeasurement(measurement, 0, measurement.length);
    this.hasTimeTag = tags.some(({ key }) => equalBytes(key, tagTime));
    const encoded = encodeKey(measurement, tags);
    return series.internSeries(encoded, viewOf(encoded), encoded.length, this.measurement);
  }

  private readFields(body: Uint8Array, from: number, end: number, sectionSize: number): boolean {
    const { scan } = this;
    const overhead = sectionSize + keySeparatorSize;
    let at = from;
    while (at < end) {
      const keyEnd = scan.findKeyEnd(at, end);
      if (keyEnd >= end - 1) {
        const key = decodeText(body.subarray(at, keyEnd));
        this.reason = `invalid value: field-key=${printableText(key)}`;
        return false;
      }
      if (overhead + keyEnd - at > keySizeMax) {
        this.reason = tooLongKey(overhead + keyEnd - at);
        return false;
      }
      const valueEnd = scan.findFieldValueEnd(keyEnd + 1, end);
      this.addCell(removeEscapes(body.subarray(at, keyEnd), nameSpecials), keyEnd + 1, valueEnd);
      at = valueEnd + 1;
    }
    return true;
  }

  private fieldIndex(name: Uint8Array, type: FieldType): number {
    const withEquals = new Uint8Array(name.length + 1);
    withEquals.set(name);
    withEquals[name.length] = equals;
    const field = this.fields.intern(this.measurement, withEquals, 0, withEquals.length);
    const known = this.fields.batchIndex(field, typeCode[type]);
    if (known >= 0) return known;
    const measurement = this.series.batchMeasurement(this.measurement);
    return this.fields.enterBatch(field, type, measurement, this.rows.rowCount);
  }

  /** A field named `time` goes without a word as long as another field stays. */
  private addCell(name: Uint8Array, start: number, end: number): void {
    if (equalBytes(name, tagTime)) return;
    const { bytes } = this.scan;
    const first = bytes[start]!;
    if (first === quote) this.addString(name, bytes.subarray(start + 1, end - 1));
    else if ((first >= 0x30 && first <= 0x39) || first === 0x2d || first === 0x2e) {
      this.addNumber(name, start, end);
    } else {
      const isTrue = first === 0x74 || first === 0x54;
      this.rows.addWords(this.fieldIndex(name, 'boolean'), isTrue ? 1 : 0, 0);
    }
  }

  /** The last byte goes even when it is not the closing quote: text behind that is kept. */
  private addString(name: Uint8Array, raw: Uint8Array): void {
    const { rows } = this;
    const offset = rows.textSize;
    rows.appendEscaped(raw, 0, raw.length);
    rows.addWords(this.fieldIndex(name, 'string'), offset, rows.textSize - offset);
  }

  private addNumber(name: Uint8Array, start: number, end: number): void {
    const text = this.textOf(start, end);
    if (!text.endsWith('i')) {
      this.rows.addFloat(this.fieldIndex(name, 'float'), Number(text));
      return;
    }
    const value = BigInt.asUintN(64, BigInt(text.slice(0, -1)));
    const low = Number(value & 0xffff_ffffn);
    this.rows.addWords(this.fieldIndex(name, 'integer'), low, Number(value >> 32n));
  }

  private textOf(start: number, end: number): string {
    const { bytes } = this.scan;
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
  }

  private readTime(body: Uint8Array, from: number, end: number): boolean {
    const { scan } = this;
    const start = skipWhitespace(body, from, end);
    const timeEnd = scan.scanTime(start);
    if (timeEnd < 0) {
      this.reason = scan.reason;
      return false;
    }
    this.time[0] = this.now;
    if (timeEnd === start) return true;
    const text = this.textOf(start, timeEnd);
    const fault = integerFault(text);
    const time = fault === undefined ? BigInt(text) * nsPerUnit[this.precision] : 0n;
    if (fault !== undefined) this.reason = fault;
    else if (time < minTime || time > maxTime) this.reason = outsideRange;
    else if (!isOnlySpace(body, timeEnd, end)) this.reason = 'point is invalid';
    else {
      this.time[0] = time;
      return true;
    }
    return false;
  }
}

function tooLongKey(size: number): string {
  return `max key length exceeded: ${size} > ${keySizeMax}`;
}

function isOnlySpace(bytes: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (bytes[at] !== space) return false;
  return true;
}

/**
 * Canonical key: tags by the bytes of their unescaped keys. Two raw keys that differ only in escapes
 * InfluxDB would not have written are one tag here; the later one of the line's order wins.
 */
function encodeKey(measurement: Uint8Array, tags: readonly Tag[]): Uint8Array {
  const sorted = [...tags].sort((a, b) => compareBytes(a.key, b.key));
  const writer = new ByteWriter(256);
  writer.u16(measurement.length);
  writer.put(measurement);
  sorted.forEach((tag, i) => {
    const next = sorted[i + 1];
    if (next !== undefined && equalBytes(next.key, tag.key)) return;
    writer.u16(tag.key.length);
    writer.put(tag.key);
    writer.u16(tag.value.length);
    writer.put(tag.value);
  });
  return writer.finish();
}
