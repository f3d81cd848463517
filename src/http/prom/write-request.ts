/**
 * Prometheus remote write: a WriteRequest -> columns of points, slice by slice.
 *
 * The whole request is checked before its first slice is made, so that a broken one stores nothing. Samples that are
 * NaN or infinite are left out, as in InfluxDB: stale markers are NaN.
 */

import type { FloatPoints, FloatSeries } from '../../broker/requests.ts';
import { putTime } from '../../model/time.ts';
import { LabelSet } from './label-set.ts';
import { ProtoReader } from './proto-reader.ts';

const sliceRowsMax = 8_192;
const seriesField = 1;
const labelsField = 1;
const samplesField = 2;
const sampleValueField = 1;
const sampleTimeField = 2;
const fieldName = 'value';
const nsPerMs = 1_000_000;
/** Later or earlier than any time can be, in ms: such points are refused one by one. */
const msMax = 9_223_372_036_854;

class FloatColumns {
  #series: FloatSeries[] = [];
  #rowCount = 0;
  readonly #rowSeries = new Uint32Array(sliceRowsMax);
  readonly #rowTimes = new BigInt64Array(sliceRowsMax);
  readonly #timeWords = new Uint32Array(this.#rowTimes.buffer);
  readonly #values = new Float64Array(sliceRowsMax);

  get isFull(): boolean {
    return this.#rowCount === sliceRowsMax;
  }

  get isEmpty(): boolean {
    return this.#rowCount === 0;
  }

  addSeries(key: Uint8Array): void {
    this.#series.push({ key, field: fieldName });
  }

  /** A row of the series added last. */
  addRow(timeMs: number, value: number): void {
    const row = this.#rowCount++;
    const isOutside = timeMs > msMax || timeMs < -msMax;
    this.#rowSeries[row] = this.#series.length - 1;
    this.#values[row] = value;
    if (isOutside) this.#rowTimes[row] = -(2n ** 63n);
    else putTime(this.#timeWords, row, timeMs, nsPerMs);
  }

  /** Everything added so far; then it is empty. Valid until something is added. */
  take(): FloatPoints {
    const points = {
      series: this.#series,
      rowCount: this.#rowCount,
      rowSeries: this.#rowSeries,
      rowTimes: this.#rowTimes,
      values: this.#values,
    };
    this.#series = [];
    this.#rowCount = 0;
    return points;
  }
}

/** The two numbers of the sample read last. */
class Sample {
  value = 0;
  timeMs = 0;

  /** The next one of the series the reader is in that can be stored; false = there is none. */
  readNext(reader: ProtoReader): boolean {
    while (reader.next()) {
      if (reader.field !== samplesField) reader.skip();
      else {
        this.read(reader);
        if (Number.isFinite(this.value)) return true;
      }
    }
    return false;
  }

  read(reader: ProtoReader): void {
    this.value = 0;
    this.timeMs = 0;
    const outer = reader.enter();
    while (reader.next()) {
      if (reader.field === sampleValueField) this.value = reader.double();
      else if (reader.field === sampleTimeField) this.timeMs = reader.int64();
      else reader.skip();
    }
    reader.leave(outer);
  }
}

/** @throws CitadelError `invalid-argument` */
function checkRequest(bytes: Uint8Array): void {
  const reader = new ProtoReader(bytes);
  const labels = new LabelSet(bytes);
  const sample = new Sample();
  while (reader.next()) {
    if (reader.field !== seriesField) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    labels.clear();
    while (reader.next()) {
      if (reader.field === labelsField) labels.read(reader);
      else if (reader.field === samplesField) sample.read(reader);
      else reader.skip();
    }
    reader.leave(outer);
  }
}

function* sliceRequest(bytes: Uint8Array): Generator<FloatPoints> {
  const reader = new ProtoReader(bytes);
  const labels = new LabelSet(bytes);
  const sample = new Sample();
  const columns = new FloatColumns();
  while (reader.next()) {
    if (reader.field !== seriesField) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    const start = reader.position;
    const key = readKey(reader, labels);
    reader.position = start;
    let isEntered = false;
    while (sample.readNext(reader)) {
      if (!isEntered) columns.addSeries(key);
      isEntered = true;
      columns.addRow(sample.timeMs, sample.value);
      if (!columns.isFull) continue;
      yield columns.take();
      isEntered = false;
    }
    reader.leave(outer);
  }
  if (!columns.isEmpty) yield columns.take();
}

/** Of the message the reader is in; labels may stand behind samples. */
function readKey(reader: ProtoReader, labels: LabelSet): Uint8Array {
  labels.clear();
  while (reader.next()) {
    if (reader.field === labelsField) labels.read(reader);
    else reader.skip();
  }
  return labels.toSeriesKey();
}

/** @throws CitadelError `invalid-argument`, at once, for bytes that are no WriteRequest */
export function readWriteRequest(bytes: Uint8Array): Iterable<FloatPoints> {
  checkRequest(bytes);
  return sliceRequest(bytes);
}
