/**
 * The series of one database as the parser knows them: from the raw bytes of a line's first section to
 * the canonical key and its hash, across requests.
 *
 * Two tables: `raws` (escaped bytes with the space behind them; several may mean one series) and `keys`
 * (canonical). `rawNext` remembers which raw section followed which, so that input that comes round in
 * the same order costs one compare a row. Numbers of series, measurements and raws hold until `clear`.
 */

import { decodeText } from '../base/text.ts';
import { ShardHasher } from '../model/shard-hash.ts';
import { ByteTable, growUint32, hashBytes } from './byte-table.ts';
import type { ParsedSeries } from './parsed-batch.ts';

/** Above this a cache is cleared before the next batch: about 100,000 series of usual size. */
const cacheSizeMax = 48 * 1024 * 1024;
const slotsFirst = 64;

export class SeriesCache {
  readonly seed: number;
  measurements = new ByteTable();
  keys = new ByteTable();
  raws = new ByteTable();
  /** Raw section -> series; raw section -> the one that followed it last, + 1. */
  rawSeries: Uint32Array = new Uint32Array(slotsFirst);
  rawNext: Uint32Array = new Uint32Array(slotsFirst);
  /** Series -> measurement; series -> shard hash. */
  keyMeasurement: Uint32Array = new Uint32Array(slotsFirst);
  private keyHash: Uint32Array = new Uint32Array(slotsFirst);
  private measurementNames: string[] = [];
  private readonly hasher: ShardHasher;

  /** Batch numbers, valid where the stamp is the batch's. */
  private stamp = 0;
  private seriesStamp: Uint32Array = new Uint32Array(slotsFirst);
  private seriesIndex: Uint32Array = new Uint32Array(slotsFirst);
  private measurementStamp: Uint32Array = new Uint32Array(slotsFirst);
  private measurementIndex: Uint32Array = new Uint32Array(slotsFirst);
  batchSeries: ParsedSeries[] = [];
  batchMeasurements: string[] = [];

  constructor(database: string, seed: number) {
    this.seed = seed;
    this.hasher = new ShardHasher(database);
  }

  get byteSize(): number {
    const tables = this.measurements.byteSize + this.keys.byteSize + this.raws.byteSize;
    return tables + this.keys.capacity * 16 + this.raws.capacity * 8;
  }

  get isFull(): boolean {
    return this.byteSize > cacheSizeMax;
  }

  beginBatch(): void {
    this.stamp++;
    this.batchSeries = [];
    this.batchMeasurements = [];
  }

  internMeasurement(source: Uint8Array, start: number, size: number): number {
    const hash = hashBytes(this.seed, source, start, start + size);
    const known = this.measurements.findBytes(source, start, size, hash);
    if (known >= 0) return known;
    const measurement = this.measurements.add(source, start, size, hash);
    if (measurement >= this.measurementStamp.length) {
      const capacity = this.measurementStamp.length * 2;
      this.measurementStamp = growUint32(this.measurementStamp, capacity);
      this.measurementIndex = growUint32(this.measurementIndex, capacity);
    }
    this.measurementNames.push(decodeText(source.subarray(start, start + size)));
    return measurement;
  }

  /** The canonical key is the first `size` bytes; `view` is of the same bytes. */
  internSeries(bytes: Uint8Array, view: DataView, size: number, measurement: number): number {
    const hash = hashBytes(this.seed, bytes, 0, size);
    const known = this.keys.find(view, 0, size, hash);
    if (known >= 0) return known;
    const series = this.keys.add(bytes, 0, size, hash);
    if (series >= this.keyHash.length) this.growSeries();
    this.keyMeasurement[series] = measurement;
    this.keyHash[series] = this.hasher.hash(this.keys.bytes(series));
    return series;
  }

  /** Remembers that these bytes at the start of a line mean this series. Returns the raw section's number. */
  addRaw(body: Uint8Array, start: number, size: number, hash: number, series: number): number {
    const raw = this.raws.add(body, start, size, hash);
    if (raw >= this.rawSeries.length) {
      const capacity = this.rawSeries.length * 2;
      this.rawSeries = growUint32(this.rawSeries, capacity);
      this.rawNext = growUint32(this.rawNext, capacity);
    }
    this.rawSeries[raw] = series;
    return raw;
  }

  measurementText(measurement: number): string {
    return this.measurementNames[measurement]!;
  }

  /** Index of the measurement in the batch's list; added when it is not there. */
  batchMeasurement(measurement: number): number {
    if (this.measurementStamp[measurement] !== this.stamp) {
      this.measurementStamp[measurement] = this.stamp;
      const name = this.measurementNames[measurement]!;
      this.measurementIndex[measurement] = this.batchMeasurements.push(name) - 1;
    }
    return this.measurementIndex[measurement]!;
  }

  /** Index of the series in the batch's list; added when it is not there. */
  batchIndex(series: number): number {
    if (this.seriesStamp[series] !== this.stamp) this.enterBatch(series);
    return this.seriesIndex[series]!;
  }

  private enterBatch(series: number): void {
    const measurement = this.batchMeasurement(this.keyMeasurement[series]!);
    const key = this.keys.bytes(series);
    const parsed = { measurement, key, shardHash: this.keyHash[series]! };
    this.seriesStamp[series] = this.stamp;
    this.seriesIndex[series] = this.batchSeries.push(parsed) - 1;
  }

  private growSeries(): void {
    const capacity = this.keyHash.length * 2;
    this.keyMeasurement = growUint32(this.keyMeasurement, capacity);
    this.keyHash = growUint32(this.keyHash, capacity);
    this.seriesStamp = growUint32(this.seriesStamp, capacity);
    this.seriesIndex = growUint32(this.seriesIndex, capacity);
  }
}
