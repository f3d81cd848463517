/**
 * Points of one float field each -> the batch that the parser would have made of them as lines. Names need no
 * escapes here; what InfluxDB refuses of a line is refused of a point, in the same words.
 */

import { equalBytes } from '../../base/bytes.ts';
import { decodeText, encodeText, printableText } from '../../base/text.ts';
import type { ParsedSlice } from '../../lineprotocol/lineprotocol.ts';
import type { DroppedRow, ParsedField, ParsedSeries } from '../../lineprotocol/parsed-batch.ts';
import {
  firstTag,
  formatSeriesKey,
  measurementBytes,
  nextTag,
  tagKeySize,
  tagKeyStart,
} from '../../model/series-key.ts';
import { ShardHasher } from '../../model/shard-hash.ts';
import { maxTime, minTime } from '../../model/time.ts';
import type { FloatPoints, FloatSeries } from '../requests.ts';

/** A series key in line protocol, with its field's name and what joins them. */
const keySizeMax = 65_535;
const keyJoinSize = 4;
/** Escapes at most double a key: shorter ones need no exact look. */
const surelyShort = 32_000;
const timeName = encodeText('time');
const outsideRange = `time outside range ${minTime} - ${maxTime}`;
const notSeen = -1;
const refused = -2;

function hasTimeTag(key: Uint8Array): boolean {
  for (let at = firstTag(key); at < key.length; at = nextTag(key, at)) {
    if (tagKeySize(key, at) !== timeName.length) continue;
    const start = tagKeyStart(at);
    if (timeName.every((byte, i) => key[start + i] === byte)) return true;
  }
  return false;
}

/** Why no point of the series can be taken; undefined = they can. */
function refusalOf({ key, field }: FloatSeries, measurement: string): string | undefined {
  const shown = printableText(measurement);
  if (hasTimeTag(key)) {
    return `invalid tag key: input tag "time" on measurement "${shown}" is invalid`;
  }
  if (field === 'time') {
    return `invalid field name: input field "time" on measurement "${shown}" is invalid`;
  }
  if (key.length + field.length < surelyShort) return undefined;
  const lineSize = encodeText(formatSeriesKey(key)).length;
  const size = lineSize + keyJoinSize + encodeText(field).length;
  return size > keySizeMax ? `max key length exceeded: ${size} > ${keySizeMax}` : undefined;
}

/** Series, measurements and fields of a batch, each once, in the order of their first row. */
class BatchNames {
  readonly measurements: string[] = [];
  readonly series: ParsedSeries[] = [];
  readonly fields: ParsedField[] = [];
  readonly dropped: DroppedRow[] = [];
  /** Per series of the points: its index in the batch, and that of its field. */
  readonly seriesOf: Int32Array;
  readonly fieldOf: Int32Array;
  readonly #hasher: ShardHasher;
  /** By hash; what shares one is chained. */
  readonly #byHash = new Map<number, number>();
  readonly #nextOfHash: number[] = [];
  readonly #measurementOf = new Map<string, number>();
  readonly #fieldNumbers = new Map<string, number>();

  constructor(database: string, seriesCount: number) {
    this.#hasher = new ShardHasher(database);
    this.seriesOf = new Int32Array(seriesCount).fill(notSeen);
    this.fieldOf = new Int32Array(seriesCount);
  }

  enter(number: number, series: FloatSeries, firstRow: number): number {
    const { key, field } = series;
    const name = decodeText(measurementBytes(key));
    const reason = refusalOf(series, name);
    if (reason !== undefined) {
      this.dropped.push({ lineNumber: firstRow, reason });
      this.seriesOf[number] = refused;
      return refused;
    }
    const measurement = this.#measurement(name);
    const index = this.#seriesOf(key, measurement);
    this.fieldOf[number] = this.#field(measurement, field, firstRow);
    this.seriesOf[number] = index;
    return index;
  }

  /** A key may come twice; rows of one series must stand in one, so that the later of two wins. */
  #seriesOf(key: Uint8Array, measurement: number): number {
    const shardHash = this.#hasher.hash(key);
    const first = this.#byHash.get(shardHash) ?? notSeen;
    for (let at = first; at !== notSeen; at = this.#nextOfHash[at]!) {
      if (equalBytes(this.series[at]!.key, key)) return at;
    }
    const index = this.series.push({ measurement, key, shardHash }) - 1;
    this.#nextOfHash.push(first);
    this.#byHash.set(shardHash, index);
    return index;
  }

  #measurement(name: string): number {
    let measurement = this.#measurementOf.get(name);
    if (measurement === undefined) {
      measurement = this.measurements.push(name) - 1;
      this.#measurementOf.set(name, measurement);
    }
    return measurement;
  }

  #field(measurement: number, name: string, firstRow: number): number {
    const known = `${measurement} ${name}`;
    let field = this.#fieldNumbers.get(known);
    if (field === undefined) {
      const nameBytes = encodeText(name);
      field = this.fields.push({ measurement, name, type: 'float', nameBytes, firstRow }) - 1;
      this.#fieldNumbers.set(known, field);
    }
    return field;
  }
}

function countUp(size: number): Uint32Array {
  const numbers = new Uint32Array(size);
  for (let i = 0; i < size; i++) numbers[i] = i;
  return numbers;
}

/** A copy: nothing of `points` but its keys is kept. */
export function floatBatch(database: string, points: FloatPoints): ParsedSlice {
  const names = new BatchNames(database, points.series.length);
  const rowSeries = new Uint32Array(points.rowCount);
  const rowTimes = new BigInt64Array(points.rowCount);
  const cellField = new Uint32Array(points.rowCount);
  const cellFloats = new Float64Array(points.rowCount);
  let rowCount = 0;
  for (let row = 0; row < points.rowCount; row++) {
    const number = points.rowSeries[row]!;
    let series = names.seriesOf[number]!;
    if (series === notSeen) series = names.enter(number, points.series[number]!, rowCount);
    const time = points.rowTimes[row]!;
    if (series === refused) continue;
    if (time < minTime || time > maxTime) {
      if (names.dropped.length === 0) names.dropped.push({ lineNumber: row, reason: outsideRange });
      continue;
    }
    rowSeries[rowCount] = series;
    rowTimes[rowCount] = time;
    cellField[rowCount] = names.fieldOf[number]!;
    cellFloats[rowCount] = points.values[row]!;
    rowCount++;
  }
  const { measurements, series, fields, dropped } = names;
  return {
    measurements,
    series,
    fields,
    rowCount,
    rowSeries,
    rowTimes,
    cellStart: countUp(rowCount + 1),
    cellField,
    cellFloats,
    cellWords: new Uint32Array(cellFloats.buffer),
    text: new Uint8Array(0),
    errors: [],
    dropped,
    next: 0,
    nextLine: 0,
    errorCount: 0,
    droppedCount: points.rowCount - rowCount,
  };
}
