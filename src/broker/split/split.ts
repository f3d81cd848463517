/**
 * A parsed batch -> write frames per shard: rows grouped by series, times ascending, later lines win,
 * no cell twice, no frame above its limit unless one row alone is.
 */

import type { ParsedBatch } from '../../lineprotocol/parsed-batch.ts';
import { columnKeySize, frameSizeMax, seriesEntrySize } from '../../model/frame-layout.ts';
import { shardOfHash } from '../../model/shard-hash.ts';
import { BatchFields } from './batch-fields.ts';
import { contentSize, fillFrame } from './fill-frame.ts';
import { orderBySeries, orderByTime, type RowOrder } from './row-order.ts';
import { SplitPlan } from './split-plan.ts';

/** What a frame holds besides one block: header, tables, the series key, names of usual size. */
const frameOverheadMax = 160 * 1024;

export interface SplitOptions {
  /** A power of two. */
  readonly shardCount: number;
  /** 16 hex digits each. */
  readonly dbId: string;
  readonly rpId: string;
  /** Per field of the batch: 1 = its type is the registered one. A row with any other field is refused whole. */
  readonly accepts: Uint8Array;
  /** Per row: 1 = take it (0: beyond retention, say). Absent = every row. */
  readonly rowAccepts?: Uint8Array | undefined;
}

export interface ShardFrame {
  readonly shard: number;
  /** Starts its own ArrayBuffer: hand that over. */
  readonly frame: Uint8Array<ArrayBuffer>;
  /** Rows in the frame, after lines of one time were merged. */
  readonly rowCount: number;
}

export interface SplitBatch {
  readonly frames: readonly ShardFrame[];
  /** Rows left out because of a field, counting none that `rowAccepts` left out before. */
  readonly refusedRows: number;
  /** The earliest of them, and its first refused field; -1 = none. */
  readonly firstRefusedRow: number;
  readonly firstRefusedField: number;
}

interface Acceptance {
  readonly rows: Uint8Array | undefined;
  readonly refusedRows: number;
  readonly firstRefusedRow: number;
  readonly firstRefusedField: number;
}

/** Index of the first cell with a refused field, -1 = the row is fine. */
function findRefusedCell(batch: ParsedBatch, row: number, accepts: Uint8Array): number {
  const { cellStart, cellField } = batch;
  for (let cell = cellStart[row]!; cell < cellStart[row + 1]!; cell++) {
    if (accepts[cellField[cell]!] !== 1) return cell;
  }
  return -1;
}

function acceptRows(batch: ParsedBatch, options: SplitOptions): Acceptance {
  const { accepts, rowAccepts } = options;
  const none = { refusedRows: 0, firstRefusedRow: -1, firstRefusedField: -1 };
  if (batch.fields.every((_, field) => accepts[field] === 1)) return { rows: rowAccepts, ...none };
  const rows = new Uint8Array(batch.rowCount).fill(1);
  let refusedRows = 0;
  let firstRow = -1;
  let firstField = -1;
  for (let row = 0; row < batch.rowCount; row++) {
    const cell = findRefusedCell(batch, row, accepts);
    const isTaken = rowAccepts === undefined || rowAccepts[row] === 1;
    if (cell >= 0 || !isTaken) rows[row] = 0;
    if (cell < 0 || !isTaken) continue;
    if (refusedRows === 0) {
      firstRow = row;
      firstField = batch.cellField[cell]!;
    }
    refusedRows++;
  }
  return { rows, refusedRows, firstRefusedRow: firstRow, firstRefusedField: firstField };
}

/** Keeps its work space from batch to batch. */
export class BatchSplitter {
  private readonly plan = new SplitPlan();
  private readonly sizeMax: number;

  constructor(sizeMax: number = frameSizeMax) {
    this.sizeMax = sizeMax;
  }

  split(batch: ParsedBatch, options: SplitOptions): SplitBatch {
    const { rows, ...refusals } = acceptRows(batch, options);
    const order = orderBySeries(batch, rows);
    const fields = new BatchFields(batch);
    const { buffer, byteOffset } = batch.rowTimes;
    const timeWords = new Uint32Array(buffer, byteOffset, batch.rowCount * 2);
    const blockSizeMax = this.sizeMax - Math.min(frameOverheadMax, this.sizeMax / 4);
    this.plan.begin(batch, fields, blockSizeMax);
    const shards = this.planShards(batch, order, timeWords, options.shardCount);
    const frames = [...shards].flatMap(([shard, segments]) =>
      this.packFrames(batch, fields, segments).map((content) => ({
        shard,
        frame: fillFrame(content, { ...options, shard }, timeWords),
        rowCount: content.segments.reduce((sum, one) => sum + this.plan.rowCounts[one]!, 0),
      })),
    );
    return { frames, ...refusals };
  }

  /** Shard -> its segments. */
  private planShards(
    batch: ParsedBatch,
    order: RowOrder,
    timeWords: Uint32Array,
    shardCount: number,
  ): Map<number, number[]> {
    const { plan } = this;
    const shards = new Map<number, number[]>();
    for (let series = 0; series < batch.series.length; series++) {
      const from = order.starts[series]!;
      const until = order.starts[series + 1]!;
      if (from === until) continue;
      const shard = shardOfHash(batch.series[series]!.shardHash, shardCount);
      const repeated = orderByTime(order.rows, from, until, timeWords);
      const first = plan.segmentCount;
      plan.addSeries(series, order.rows, from, until, repeated);
      let segments = shards.get(shard);
      if (segments === undefined) {
        segments = [];
        shards.set(shard, segments);
      }
      for (let i = first; i < plan.segmentCount; i++) segments.push(i);
    }
    return shards;
  }

  /** Fills frames one after another, each up to the limit. */
  private packFrames(
    batch: ParsedBatch,
    fields: BatchFields,
    segments: readonly number[],
  ): Packed[] {
    const packed: Packed[] = [];
    let open: Packed | undefined;
    for (const segment of segments) {
      if (open === undefined || !open.fits(segment, this.sizeMax)) {
        open = new Packed(this.plan, batch, fields);
        packed.push(open);
      }
      open.add(segment);
    }
    return packed;
  }
}

/** The content of one frame while it is put together. */
class Packed {
  readonly plan: SplitPlan;
  readonly batch: ParsedBatch;
  readonly segments: number[] = [];
  readonly keyFields: number[] = [];
  readonly keyIndex: Uint32Array;
  nameSize = 0;
  seriesKeySize = 0;
  blockSize = 0;
  private readonly fields: BatchFields;
  private readonly isKnown: Uint8Array;

  constructor(plan: SplitPlan, batch: ParsedBatch, fields: BatchFields) {
    this.plan = plan;
    this.batch = batch;
    this.fields = fields;
    this.keyIndex = new Uint32Array(batch.fields.length);
    this.isKnown = new Uint8Array(batch.fields.length);
  }

  private keySizeOf(segment: number): number {
    const series = this.plan.series[segment]!;
    const last = this.segments[this.segments.length - 1];
    const isSame = last !== undefined && this.plan.series[last] === series;
    return isSame ? 0 : this.batch.series[series]!.key.length;
  }

  fits(segment: number, sizeMax: number): boolean {
    let more = this.plan.sizes[segment]! + seriesEntrySize + this.keySizeOf(segment) + 8;
    const start = this.plan.columnStarts[segment]!;
    for (let k = start; k < start + this.plan.columnCounts[segment]!; k++) {
      const field = this.plan.columnFields[k]!;
      if (this.isKnown[field] === 1) continue;
      more += this.batch.fields[field]!.nameBytes.length + columnKeySize;
    }
    return contentSize(this) + more <= sizeMax;
  }

  add(segment: number): void {
    this.seriesKeySize += this.keySizeOf(segment);
    this.blockSize += this.plan.sizes[segment]!;
    this.segments.push(segment);
    const start = this.plan.columnStarts[segment]!;
    for (let k = start; k < start + this.plan.columnCounts[segment]!; k++) {
      const field = this.plan.columnFields[k]!;
      if (this.isKnown[field] === 1) continue;
      this.addKey(field, this.fields.keyField[field]!);
    }
  }

  private addKey(field: number, keyField: number): void {
    if (this.isKnown[keyField] === 0) {
      this.isKnown[keyField] = 1;
      this.keyIndex[keyField] = this.keyFields.push(keyField) - 1;
      this.nameSize += this.batch.fields[keyField]!.nameBytes.length;
    }
    this.isKnown[field] = 1;
    this.keyIndex[field] = this.keyIndex[keyField]!;
  }
}

/** For one batch; whoever splits many keeps a `BatchSplitter`. */
export function splitBatch(batch: ParsedBatch, options: SplitOptions): SplitBatch {
  return new BatchSplitter().split(batch, options);
}
