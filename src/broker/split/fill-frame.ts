/**
 * Writes the planned segments of one shard into one frame: exact size, one allocation, one loop per
 * column. The frame owns its ArrayBuffer.
 */

import { align8 } from '../../base/bytes.ts';
import type { ParsedBatch } from '../../lineprotocol/parsed-batch.ts';
import { typeCode } from '../../model/field-type.ts';
import {
  type FrameTarget,
  sealFrame,
  writeFrameHeader,
  writeFrameTotals,
} from '../../model/frame-encode.ts';
import {
  columnEntrySize,
  columnKeySize,
  frameHeaderSize,
  frameVersion,
  integerSizes,
  narrowVersion,
  seriesEntrySize,
} from '../../model/frame-layout.ts';
import { compareTimes } from './row-order.ts';
import type { SplitPlan } from './split-plan.ts';

export interface FrameContent {
  readonly plan: SplitPlan;
  readonly batch: ParsedBatch;
  /** Segments of the plan, those of one series next to each other. */
  readonly segments: readonly number[];
  /** Fields of the batch whose name and type the columns use, in order of their index. */
  readonly keyFields: readonly number[];
  /** Field -> index in `keyFields`. */
  readonly keyIndex: Uint32Array;
  /** Bytes of names, series keys (one per series) and blocks. */
  readonly nameSize: number;
  readonly seriesKeySize: number;
  readonly blockSize: number;
}

export function contentSize(content: Omit<FrameContent, 'plan' | 'batch' | 'keyIndex'>): number {
  const tables =
    content.keyFields.length * columnKeySize + content.segments.length * seriesEntrySize;
  const names = align8(content.nameSize + content.seriesKeySize);
  return frameHeaderSize + tables + names + content.blockSize;
}

/** Copies 8-byte values; `cells` at `place`, `place + width`, ... hold cell + 1 or 0. */
function copyWords(
  cells: Uint32Array,
  place: number,
  width: number,
  count: number,
  source: Uint32Array,
  out: Uint32Array,
  outAt: number,
): void {
  let from = place;
  let to = outAt;
  for (let i = 0; i < count; i++) {
    const cell = cells[from]!;
    if (cell !== 0) {
      out[to] = source[2 * cell - 2]!;
      out[to + 1] = source[2 * cell - 1]!;
    }
    from += width;
    to += 2;
  }
}

/** Copies the low bytes of integers that fit; a column without holes. */
function copyIntegers(
  cells: Uint32Array,
  place: number,
  width: number,
  count: number,
  source: Uint32Array,
  out: Uint8Array | Uint16Array | Uint32Array,
  outAt: number,
): void {
  let from = place;
  for (let i = 0; i < count; i++) {
    out[outAt + i] = source[2 * cells[from]! - 2]!;
    from += width;
  }
}

function copyBooleans(
  cells: Uint32Array,
  place: number,
  width: number,
  count: number,
  source: Uint32Array,
  out: Uint8Array,
  outAt: number,
): void {
  for (let i = 0; i < count; i++) {
    const cell = cells[place + i * width]!;
    if (cell !== 0) out[outAt + i] = source[2 * cell - 2]!;
  }
}

class FrameFiller {
  private readonly content: FrameContent;
  private readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly words: Uint32Array;
  private readonly halfWords: Uint16Array;
  private version = frameVersion;
  private rowCount = 0;
  private cellCount = 0;
  /** Rows of the batch with the least and the greatest time. */
  private firstRow = -1;
  private lastRow = -1;
  private readonly timeWords: Uint32Array;

  constructor(content: FrameContent, timeWords: Uint32Array) {
    this.content = content;
    this.timeWords = timeWords;
    this.bytes = new Uint8Array(new ArrayBuffer(contentSize(content)));
    this.words = new Uint32Array(this.bytes.buffer);
    this.halfWords = new Uint16Array(this.bytes.buffer);
  }

  fill(target: FrameTarget): Uint8Array<ArrayBuffer> {
    const { segments, keyFields } = this.content;
    const view = new DataView(this.bytes.buffer);
    const seriesTable = frameHeaderSize + keyFields.length * columnKeySize;
    const names = seriesTable + segments.length * seriesEntrySize;
    const keysEnd = this.writeTables(seriesTable, this.writeColumnKeys(names));
    let block = align8(keysEnd);
    segments.forEach((segment, i) => {
      this.words[(seriesTable + i * seriesEntrySize) / 4 + 2] = block;
      this.writeBlock(segment, block);
      block += this.content.plan.sizes[segment]!;
    });
    writeFrameHeader(view, target, 'points', this.version);
    writeFrameTotals(view, {
      seriesCount: segments.length,
      rowCount: this.rowCount,
      cellCount: this.cellCount,
      columnKeyCount: keyFields.length,
      columnKeysOffset: frameHeaderSize,
      seriesTableOffset: seriesTable,
    });
    this.copyTime(this.firstRow, 72 / 4);
    this.copyTime(this.lastRow, 80 / 4);
    sealFrame(this.bytes);
    return this.bytes;
  }

  private copyTime(row: number, at: number): void {
    this.words[at] = this.timeWords[2 * row]!;
    this.words[at + 1] = this.timeWords[2 * row + 1]!;
  }

  /** Returns where the names end. */
  private writeColumnKeys(namesAt: number): number {
    const { keyFields, batch } = this.content;
    let name = namesAt;
    keyFields.forEach((field, i) => {
      const { nameBytes, type } = batch.fields[field]!;
      const at = frameHeaderSize + i * columnKeySize;
      this.words[at / 4] = name;
      this.words[at / 4 + 1] = nameBytes.length | (typeCode[type] << 16);
      this.bytes.set(nameBytes, name);
      name += nameBytes.length;
    });
    return name;
  }

  /** Writes keys and the series table but for the blocks' offsets; returns where the keys end. */
  private writeTables(seriesTable: number, keysAt: number): number {
    const { segments, plan, batch } = this.content;
    let keyAt = keysAt;
    let keyEnd = keysAt;
    segments.forEach((segment, i) => {
      const series = plan.series[segment]!;
      const { key } = batch.series[series]!;
      const isNew = i === 0 || plan.series[segments[i - 1]!] !== series;
      if (isNew) {
        keyAt = keyEnd;
        keyEnd = keyAt + key.length;
        this.bytes.set(key, keyAt);
      }
      const at = (seriesTable + i * seriesEntrySize) / 4;
      this.words[at] = keyAt;
      this.words[at + 1] = key.length;
      this.words[at + 3] = plan.rowCounts[segment]!;
      this.words[at + 4] = plan.columnCounts[segment]!;
    });
    return keyEnd;
  }

  private writeBlock(segment: number, block: number): void {
    const { plan } = this.content;
    const rowCount = plan.rowCounts[segment]!;
    const width = plan.columnCounts[segment]!;
    this.writeTimes(plan.rowStarts[segment]!, rowCount, block);
    let data = block + rowCount * 8 + width * columnEntrySize;
    for (let k = 0; k < width; k++) {
      const entry = block + rowCount * 8 + k * columnEntrySize;
      data = this.writeColumn(segment, k, entry, data);
    }
    this.rowCount += rowCount;
  }

  private writeTimes(rowStart: number, rowCount: number, block: number): void {
    const { rows } = this.content.plan;
    const { words, timeWords } = this;
    let to = block / 4;
    for (let i = 0; i < rowCount; i++) {
      const row = rows[rowStart + i]!;
      words[to++] = timeWords[2 * row]!;
      words[to++] = timeWords[2 * row + 1]!;
    }
    const first = rows[rowStart]!;
    const last = rows[rowStart + rowCount - 1]!;
    if (this.firstRow < 0 || compareTimes(timeWords, first, this.firstRow) < 0)
      this.firstRow = first;
    if (this.lastRow < 0 || compareTimes(timeWords, last, this.lastRow) > 0) this.lastRow = last;
  }

  /** Returns where the next column's data starts. */
  private writeColumn(segment: number, k: number, entry: number, data: number): number {
    const { plan, batch, keyIndex } = this.content;
    const { words } = this;
    const rowCount = plan.rowCounts[segment]!;
    const width = plan.columnCounts[segment]!;
    const column = plan.columnStarts[segment]! + k;
    const place = plan.cellStarts[segment]! + k;
    const field = plan.columnFields[column]!;
    const { type } = batch.fields[field]!;
    const code = plan.columnCodes[column]!;
    let end = data + rowCount * 8;
    if (code > 0) end = this.writeIntegers(place, width, rowCount, data, code);
    else if (type === 'string') end = this.writeStrings(place, width, rowCount, data);
    else if (type === 'boolean') {
      copyBooleans(plan.cells, place, width, rowCount, batch.cellWords, this.bytes, data);
      end = align8(data + rowCount);
    } else copyWords(plan.cells, place, width, rowCount, batch.cellWords, words, data / 4);
    const cells = plan.columnCells[column]!;
    words[entry / 4] = keyIndex[field]!;
    words[entry / 4 + 1] = code << 1;
    words[entry / 4 + 2] = data;
    this.cellCount += cells;
    if (cells === rowCount) return end;
    words[entry / 4 + 1] = (code << 1) | 1;
    words[entry / 4 + 3] = end;
    for (let i = 0; i < rowCount; i++) {
      this.bytes[end + i] = plan.cells[place + i * width] === 0 ? 0 : 1;
    }
    return align8(end + rowCount);
  }

  private writeIntegers(
    place: number,
    width: number,
    rowCount: number,
    data: number,
    code: number,
  ): number {
    const { plan, batch } = this.content;
    const { cells } = plan;
    const size = integerSizes[code]!;
    if (size === 1) copyIntegers(cells, place, width, rowCount, batch.cellWords, this.bytes, data);
    else if (size === 2)
      copyIntegers(cells, place, width, rowCount, batch.cellWords, this.halfWords, data / 2);
    else copyIntegers(cells, place, width, rowCount, batch.cellWords, this.words, data / 4);
    this.version = narrowVersion;
    return align8(data + rowCount * size);
  }

  private writeStrings(place: number, width: number, rowCount: number, data: number): number {
    const { plan, batch } = this.content;
    const { cellWords, text } = batch;
    const textAt = data + (rowCount + 1) * 4;
    let end = 0;
    for (let i = 0; i < rowCount; i++) {
      const cell = plan.cells[place + i * width]!;
      if (cell !== 0) {
        const start = cellWords[2 * cell - 2]!;
        const size = cellWords[2 * cell - 1]!;
        this.bytes.set(text.subarray(start, start + size), textAt + end);
        end += size;
      }
      this.words[data / 4 + i + 1] = end;
    }
    return align8(textAt + end);
  }
}

/** `timeWords` are the words of the batch's times. */
export function fillFrame(
  content: FrameContent,
  target: FrameTarget,
  timeWords: Uint32Array,
): Uint8Array<ArrayBuffer> {
  return new FrameFiller(content, timeWords).fill(target);
}
