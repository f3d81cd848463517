/**
 * What will stand in the frames, decided before a byte is written: *segments*, each a run of rows of one
 * series with one set of columns, that is one block of a frame. Every size is known exactly here.
 *
 * A series is usually one segment. It is cut where its block would outgrow a frame, and where its rows
 * have so few columns in common that a dense block would be mostly holes.
 *
 * Flat arrays, used again by the next batch: a batch of a million one-row series makes no objects.
 */

import { align8 } from '../../base/bytes.ts';
import { invariant } from '../../base/errors.ts';
import type { ParsedBatch } from '../../lineprotocol/parsed-batch.ts';
import { columnSize } from '../../model/frame-encode.ts';
import { columnEntrySize, integerSizes } from '../../model/frame-layout.ts';
import type { BatchFields } from './batch-fields.ts';

const segmentsFirst = 256;
const columnsFirst = 2_048;
const cellsFirst = 16_384;
/** A block may have this many places per cell, and some more, before it is cut. */
const sparsenessMax = 8;
const sparsePlacesFree = 1_024;

function grow(old: Uint32Array, needed: number): Uint32Array {
  if (needed <= old.length) return old;
  const grown = new Uint32Array(Math.max(needed, old.length * 2));
  grown.set(old);
  return grown;
}

/**
 * Code of the least size (frame-layout) that holds all integers of a column without holes; `cells` at `place`,
 * `place + width`, ... hold cell + 1.
 */
function integerCode(
  cells: Uint32Array,
  place: number,
  width: number,
  count: number,
  words: Uint32Array,
): number {
  let spread = 0;
  let from = place;
  for (let i = 0; i < count; i++) {
    const cell = cells[from]!;
    const low = words[2 * cell - 2]! | 0;
    const sign = low >> 31;
    if ((words[2 * cell - 1]! | 0) !== sign) return 0;
    spread |= low ^ sign;
    from += width;
  }
  if (spread <= 0x7f) return 1;
  return spread <= 0x7fff ? 2 : 3;
}

export class SplitPlan {
  segmentCount = 0;
  series: Uint32Array = new Uint32Array(segmentsFirst);
  rowCounts: Uint32Array = new Uint32Array(segmentsFirst);
  /** First of the segment's rows in `rows`, of its columns, of its places in `cells`. */
  rowStarts: Uint32Array = new Uint32Array(segmentsFirst);
  columnStarts: Uint32Array = new Uint32Array(segmentsFirst);
  cellStarts: Uint32Array = new Uint32Array(segmentsFirst);
  columnCounts: Uint32Array = new Uint32Array(segmentsFirst);
  /** Bytes of the block. */
  sizes: Uint32Array = new Uint32Array(segmentsFirst);

  /** Per column of a segment: field, cells it has, bytes of its strings, code of its integers' size (frame-layout). */
  columnFields: Uint32Array = new Uint32Array(columnsFirst);
  columnCells: Uint32Array = new Uint32Array(columnsFirst);
  columnTexts: Uint32Array = new Uint32Array(columnsFirst);
  columnCodes: Uint32Array = new Uint32Array(columnsFirst);
  private columnCount = 0;

  /** Per row of a segment: a row of the batch that has its time. */
  rows: Uint32Array = new Uint32Array(columnsFirst);
  private rowCount = 0;

  /** Per row and column of a segment, row by row: cell of the batch + 1, 0 = none. */
  cells: Uint32Array = new Uint32Array(cellsFirst);
  private placeCount = 0;

  private batch!: ParsedBatch;
  private fields!: BatchFields;
  private blockSizeMax = 0;

  begin(batch: ParsedBatch, fields: BatchFields, blockSizeMax: number): void {
    this.batch = batch;
    this.fields = fields;
    this.blockSizeMax = blockSizeMax;
    this.segmentCount = 0;
    this.columnCount = 0;
    this.rowCount = 0;
    this.placeCount = 0;
  }

  /** Rows in time order; `repeated` = two of them have one time. */
  addSeries(
    series: number,
    order: Uint32Array,
    from: number,
    until: number,
    repeated: boolean,
  ): void {
    if (!repeated && this.isUniform(order, from, until)) {
      if (this.addUniform(series, order, from, until)) return;
    }
    this.addMixed(series, order, from, until);
  }

  /** All rows have the same fields in the same order, none twice. */
  private isUniform(order: Uint32Array, from: number, until: number): boolean {
    const { cellStart, cellField } = this.batch;
    const first = cellStart[order[from]!]!;
    const width = cellStart[order[from]! + 1]! - first;
    for (let i = from + 1; i < until; i++) {
      const start = cellStart[order[i]!]!;
      if (cellStart[order[i]! + 1]! - start !== width) return false;
      for (let k = 0; k < width; k++) {
        if (cellField[start + k] !== cellField[first + k]) return false;
      }
    }
    return !this.fields.hasRepeats(cellField, first, width);
  }

  /** False, and nothing added, when the block would be too large. */
  private addUniform(series: number, order: Uint32Array, from: number, until: number): boolean {
    const { cellStart, cellField } = this.batch;
    const first = cellStart[order[from]!]!;
    const width = cellStart[order[from]! + 1]! - first;
    const rowCount = until - from;
    const places = this.placeCount;
    this.cells = grow(this.cells, places + rowCount * width);
    this.columnFields = grow(this.columnFields, this.columnCount + width);
    this.columnCells = grow(this.columnCells, this.columnCount + width);
    this.columnTexts = grow(this.columnTexts, this.columnCount + width);
    this.columnCodes = grow(this.columnCodes, this.columnCount + width);
    const { cells } = this;
    let place = places;
    for (let i = from; i < until; i++) {
      const start = cellStart[order[i]!]! + 1;
      for (let k = 0; k < width; k++) cells[place++] = start + k;
    }
    let size = rowCount * 8 + width * columnEntrySize;
    for (let k = 0; k < width; k++) {
      const field = cellField[first + k]!;
      const text = this.fields.isText[field] === 1 ? this.sumText(places + k, rowCount, width) : 0;
      this.columnFields[this.columnCount + k] = field;
      this.columnCells[this.columnCount + k] = rowCount;
      this.columnTexts[this.columnCount + k] = text;
      const code =
        this.fields.isInteger[field] === 1
          ? integerCode(cells, places + k, width, rowCount, this.batch.cellWords)
          : 0;
      this.columnCodes[this.columnCount + k] = code;
      size +=
        code === 0
          ? columnSize(this.batch.fields[field]!.type, rowCount, text, false)
          : align8(rowCount * integerSizes[code]!);
    }
    if (size > this.blockSizeMax && rowCount > 1) return false;
    this.addSegment(series, rowCount, width, size);
    for (let i = from; i < until; i++) this.rows[this.rowCount + i - from] = order[i]!;
    this.rowCount += rowCount;
    this.columnCount += width;
    this.placeCount = place;
    return true;
  }

  private sumText(place: number, rowCount: number, width: number): number {
    const { cells, batch } = this;
    let sum = 0;
    for (let i = 0; i < rowCount; i++) sum += batch.cellWords[2 * cells[place + i * width]! - 1]!;
    return sum;
  }

  private addSegment(series: number, rowCount: number, width: number, size: number): void {
    const segment = this.segmentCount;
    if (segment === this.series.length) this.growSegments();
    this.rows = grow(this.rows, this.rowCount + rowCount);
    this.series[segment] = series;
    this.rowCounts[segment] = rowCount;
    this.rowStarts[segment] = this.rowCount;
    this.columnStarts[segment] = this.columnCount;
    this.columnCounts[segment] = width;
    this.cellStarts[segment] = this.placeCount;
    this.sizes[segment] = size;
    this.segmentCount = segment + 1;
  }

  private growSegments(): void {
    const capacity = this.series.length * 2;
    this.series = grow(this.series, capacity);
    this.rowCounts = grow(this.rowCounts, capacity);
    this.rowStarts = grow(this.rowStarts, capacity);
    this.columnStarts = grow(this.columnStarts, capacity);
    this.columnCounts = grow(this.columnCounts, capacity);
    this.cellStarts = grow(this.cellStarts, capacity);
    this.sizes = grow(this.sizes, capacity);
  }

  /** Rows of one time become one, later cells replace earlier ones; columns as they come. */
  private addMixed(series: number, order: Uint32Array, from: number, until: number): void {
    const { fields } = this;
    let open = new OpenSegment();
    let i = from;
    while (i < until) {
      const row = order[i]!;
      fields.beginRow();
      do this.mergeRow(order[i++]!);
      while (i < until && this.batch.rowTimes[order[i]!] === this.batch.rowTimes[row]);
      if (open.rows.length > 0 && this.isFull(open)) {
        this.closeSegment(series, open);
        open = new OpenSegment();
      }
      this.takeRow(open, row);
    }
    this.closeSegment(series, open);
  }

  private mergeRow(row: number): void {
    const { cellStart, cellField } = this.batch;
    for (let cell = cellStart[row]!; cell < cellStart[row + 1]!; cell++) {
      this.fields.putCell(cellField[cell]!, cell);
    }
  }

  private textOf(field: number, cell: number): number {
    return this.fields.isText[field] === 1 ? this.batch.cellWords[2 * cell + 1]! : 0;
  }

  /** True when the row just merged should start a segment of its own. */
  private isFull(open: OpenSegment): boolean {
    const { rowFields, rowFieldCount, cellOfField } = this.fields;
    let columns = open.columns.size;
    let text = open.textSize;
    let names = open.nameSize;
    for (let k = 0; k < rowFieldCount; k++) {
      const field = rowFields[k]!;
      text += this.textOf(field, cellOfField[field]! - 1);
      if (open.columns.has(field)) continue;
      columns++;
      names += this.batch.fields[field]!.nameBytes.length + columnEntrySize;
    }
    const rows = open.rows.length + 1;
    const isSparse =
      rows * columns > sparsenessMax * (open.cellCount + rowFieldCount) + sparsePlacesFree;
    // Validity and the ends of strings counted for every column: an upper bound.
    const size = rows * 8 + columns * (columnEntrySize + 16 + rows * 9) + text + names;
    return isSparse || size > this.blockSizeMax;
  }

  private takeRow(open: OpenSegment, row: number): void {
    const { rowFields, rowFieldCount, cellOfField } = this.fields;
    open.rows.push(row);
    for (let k = 0; k < rowFieldCount; k++) {
      const field = rowFields[k]!;
      const cell = cellOfField[field]! - 1;
      if (!open.columns.has(field)) {
        open.columns.set(field, open.columns.size);
        open.nameSize += this.batch.fields[field]!.nameBytes.length + columnEntrySize;
      }
      open.textSize += this.textOf(field, cell);
      open.cells.push(cell);
    }
    open.cellCount += rowFieldCount;
    open.rowEnds.push(open.cellCount);
  }

  private closeSegment(series: number, open: OpenSegment): void {
    const rowCount = open.rows.length;
    const width = open.columns.size;
    invariant(rowCount > 0 && width > 0, 'a segment has rows and columns');
    this.cells = grow(this.cells, this.placeCount + rowCount * width);
    this.cells.fill(0, this.placeCount, this.placeCount + rowCount * width);
    this.columnFields = grow(this.columnFields, this.columnCount + width);
    this.columnCells = grow(this.columnCells, this.columnCount + width);
    this.columnTexts = grow(this.columnTexts, this.columnCount + width);
    this.columnCodes = grow(this.columnCodes, this.columnCount + width);
    this.columnCells.fill(0, this.columnCount, this.columnCount + width);
    this.columnTexts.fill(0, this.columnCount, this.columnCount + width);
    this.columnCodes.fill(0, this.columnCount, this.columnCount + width);
    for (const [field, column] of open.columns)
      this.columnFields[this.columnCount + column] = field;
    this.placeCells(open, width);
    let size = align8(rowCount * 8 + width * columnEntrySize);
    for (let k = this.columnCount; k < this.columnCount + width; k++) {
      const { type } = this.batch.fields[this.columnFields[k]!]!;
      const isSparse = this.columnCells[k]! < rowCount;
      size += columnSize(type, rowCount, this.columnTexts[k]!, isSparse);
    }
    this.addSegment(series, rowCount, width, size);
    this.rows.set(open.rows, this.rowCount);
    this.rowCount += rowCount;
    this.columnCount += width;
    this.placeCount += rowCount * width;
  }

  private placeCells(open: OpenSegment, width: number): void {
    const { cellField } = this.batch;
    let at = 0;
    open.rowEnds.forEach((end, i) => {
      for (; at < end; at++) {
        const cell = open.cells[at]!;
        const field = cellField[cell]!;
        const column = open.columns.get(field)!;
        this.cells[this.placeCount + i * width + column] = cell + 1;
        this.columnCells[this.columnCount + column]!++;
        this.columnTexts[this.columnCount + column]! += this.textOf(field, cell);
      }
    });
  }
}

/** A segment of unlike rows while it grows. */
class OpenSegment {
  readonly rows: number[] = [];
  /** Field -> column. */
  readonly columns = new Map<number, number>();
  readonly cells: number[] = [];
  readonly rowEnds: number[] = [];
  cellCount = 0;
  textSize = 0;
  nameSize = 0;
}
