/**
 * Graphite's plain text, `name value [seconds]` a line -> columns of points. Names are looked up, not taken apart
 * again, as long as they are among the last that came.
 */

import { decodeText } from '../../base/text.ts';
import type { FloatPoints, FloatSeries } from '../../broker/requests.ts';
import { encodeSeriesKey } from '../../model/series-key.ts';
import { putTime } from '../../model/time.ts';
import type { GraphiteTemplates } from './graphite-template.ts';

const lineFeed = 0x0a;
const nsPerSecond = 1_000_000_000;
/** Names that are remembered, and their characters; beyond it all are forgotten. */
const namesMax = 50_000;
const nameCharsMax = 8 * 1024 * 1024;
const partSizeMax = 65_535;
/** 1901-12-13 and 2038-01-19, as InfluxDB bounds the times of Graphite. */
const secondsMin = -2_147_558_400;
const secondsMax = 2_147_472_000;
/** What Go's strings.Fields splits at. */
const blanks = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const notANumber = /^[+-]?nan$/i;

export interface GraphiteChunk {
  readonly points: FloatPoints;
  /** Lines that hold anything. */
  readonly lineCount: number;
  /** Of them, those that are no points. */
  readonly refusedCount: number;
  /** Why the first of them is none. */
  readonly reason: string;
}

function readNumber(text: string): number | undefined {
  if (!decimal.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Series that were seen lately, by the name they come with. */
class NameCache {
  readonly #templates: GraphiteTemplates;
  readonly #known = new Map<string, FloatSeries>();
  #chars = 0;

  constructor(templates: GraphiteTemplates) {
    this.#templates = templates;
  }

  /** Undefined = no series can have that name. */
  find(name: string): FloatSeries | undefined {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const made = this.#make(name);
    if (made === undefined) return undefined;
    if (this.#known.size >= namesMax || this.#chars + name.length > nameCharsMax) {
      this.#known.clear();
      this.#chars = 0;
    }
    this.#known.set(name, made);
    this.#chars += name.length;
    return made;
  }

  #make(name: string): FloatSeries | undefined {
    const point = this.#templates.apply(name);
    if (point === undefined) return undefined;
    const tags = [...point.tags].filter(([key, value]) => key !== '' && value !== '');
    const longest = Math.max(...[point.measurement, ...tags.flat()].map((part) => part.length));
    // A character is three bytes at most.
    if (longest * 3 > partSizeMax) return undefined;
    return { key: encodeSeriesKey({ measurement: point.measurement, tags }), field: point.field };
  }
}

/** Points of one chunk; arrays grow by doubling. */
class ChunkBuilder {
  readonly series: FloatSeries[] = [];
  readonly #numbers = new Map<FloatSeries, number>();
  rowCount = 0;
  #rowSeries = new Uint32Array(64);
  #rowTimes = new BigInt64Array(64);
  #words = new Uint32Array(this.#rowTimes.buffer);
  #values = new Float64Array(64);

  add(series: FloatSeries, value: number, seconds: number, restNs: number): void {
    if (this.rowCount === this.#values.length) this.#grow();
    let number = this.#numbers.get(series);
    if (number === undefined) {
      number = this.series.push(series) - 1;
      this.#numbers.set(series, number);
    }
    const row = this.rowCount++;
    this.#rowSeries[row] = number;
    this.#values[row] = value;
    putTime(this.#words, row, seconds, nsPerSecond, restNs);
  }

  finish(): FloatPoints {
    return {
      series: this.series,
      rowCount: this.rowCount,
      rowSeries: this.#rowSeries,
      rowTimes: this.#rowTimes,
      values: this.#values,
    };
  }

  #grow(): void {
    const size = this.#values.length * 2;
    const rowSeries = new Uint32Array(size);
    const rowTimes = new BigInt64Array(size);
    const values = new Float64Array(size);
    rowSeries.set(this.#rowSeries);
    rowTimes.set(this.#rowTimes);
    values.set(this.#values);
    this.#rowSeries = rowSeries;
    this.#rowTimes = rowTimes;
    this.#words = new Uint32Array(rowTimes.buffer);
    this.#values = values;
  }
}

export class GraphiteLines {
  readonly #names: NameCache;

  constructor(templates: GraphiteTemplates) {
    this.#names = new NameCache(templates);
  }

  /** `nowNs`: of points without a time, ns since the Unix epoch. */
  read(bytes: Uint8Array, nowNs: bigint): GraphiteChunk {
    const builder = new ChunkBuilder();
    const now = { seconds: Number(nowNs / 1_000_000_000n), restNs: Number(nowNs % 1_000_000_000n) };
    let lineCount = 0;
    let refusedCount = 0;
    let firstReason = '';
    for (let from = 0; from < bytes.length; ) {
      const feed = bytes.indexOf(lineFeed, from);
      const until = feed < 0 ? bytes.length : feed;
      const fields = decodeText(bytes.subarray(from, until)).split(blanks);
      from = until + 1;
      const words = fields.filter((field) => field !== '');
      if (words.length === 0) continue;
      lineCount++;
      const reason = this.#addLine(builder, words, now);
      if (reason === '') continue;
      refusedCount++;
      if (firstReason === '') firstReason = reason;
    }
    return { points: builder.finish(), lineCount, refusedCount, reason: firstReason };
  }

  /** Why the line is no point; '' = it is one, or is NaN, which is none but no mistake. */
  #addLine(
    builder: ChunkBuilder,
    words: readonly string[],
    now: { readonly seconds: number; readonly restNs: number },
  ): string {
    const [name = '', valueText = '', timeText] = words;
    if (words.length !== 2 && words.length !== 3) return 'a line lacks required fields or has more';
    const series = this.#names.find(name);
    if (series === undefined) return `"${name}" does not fit its template`;
    if (notANumber.test(valueText)) return '';
    const value = readNumber(valueText);
    if (value === undefined) return `field "${name}" value: "${valueText}" is no number`;
    if (timeText === undefined) {
      builder.add(series, value, now.seconds, now.restNs);
      return '';
    }
    const time = readNumber(timeText);
    if (time === undefined) return `field "${name}" time: "${timeText}" is no number`;
    if (time === -1) builder.add(series, value, now.seconds, now.restNs);
    else if (time < secondsMin || time > secondsMax) return 'timestamp out of range';
    else builder.add(series, value, Math.trunc(time), Math.trunc((time - Math.floor(time)) * 1e9));
    return '';
  }
}
