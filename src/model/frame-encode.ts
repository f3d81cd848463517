/**
 * Writes WriteFrames (frame-layout.ts, docs/formats/frame.md): the header and tables for whoever fills
 * the blocks (the broker's splitter does so from its cells), a plain encoder from columns, and deletes.
 *
 * A frame owns its ArrayBuffer, because it is handed over from thread to thread.
 */

import { crc32 } from 'node:zlib';
import { align8 } from '../base/bytes.ts';
import { CitadelError, invariant } from '../base/errors.ts';
import { encodeText } from '../base/text.ts';
import { encodeDeletePredicate } from './delete-predicate.ts';
import { type FieldType, typeCode } from './field-type.ts';
import {
  columnEntrySize,
  columnKeySize,
  frameHeaderSize,
  frameKind,
  frameMagic,
  frameVersion,
  seriesEntrySize,
} from './frame-layout.ts';
import type { DeletePredicate } from './plan.ts';

/** Where a frame goes. Ids are 16 hex digits; policy '0000000000000000' = all (deletes only). */
export interface FrameTarget {
  readonly dbId: string;
  readonly rpId: string;
  readonly shardCount: number;
  readonly shard: number;
}

export interface FrameTotals {
  readonly seriesCount: number;
  readonly rowCount: number;
  readonly cellCount: number;
  readonly columnKeyCount: number;
  readonly columnKeysOffset: number;
  readonly seriesTableOffset: number;
}

export const everyPolicy = '0000000000000000';

function writeId(view: DataView, at: number, id: string): void {
  if (!/^[0-9a-f]{16}$/.test(id)) {
    throw new CitadelError('invalid-argument', `not an id of 16 hex digits: ${id}`);
  }
  view.setUint32(at + 4, Number.parseInt(id.slice(0, 8), 16), true);
  view.setUint32(at, Number.parseInt(id.slice(8), 16), true);
}

/** Header without times, payload and checksum. */
export function writeFrameHeader(
  view: DataView,
  target: FrameTarget,
  kind: keyof typeof frameKind,
  version: number = frameVersion,
): void {
  view.setUint32(0, frameMagic, true);
  view.setUint16(4, version, true);
  view.setUint32(12, view.byteLength, true);
  writeId(view, 16, target.dbId);
  writeId(view, 24, target.rpId);
  view.setUint32(36, target.shardCount, true);
  view.setUint32(40, target.shard, true);
  view.setUint32(44, frameKind[kind], true);
}

export function writeFrameTotals(view: DataView, totals: FrameTotals): void {
  view.setUint32(48, totals.seriesCount, true);
  view.setUint32(52, totals.rowCount, true);
  view.setUint32(56, totals.cellCount, true);
  view.setUint32(60, totals.columnKeyCount, true);
  view.setUint32(64, totals.columnKeysOffset, true);
  view.setUint32(68, totals.seriesTableOffset, true);
}

/** The last step: nothing in the frame may change after it. */
export function sealFrame(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  view.setUint32(8, crc32(frame.subarray(12)), true);
}

/** Bytes of a column of `rowCount` rows, validity and padding included. */
export function columnSize(
  type: FieldType,
  rowCount: number,
  textSize: number,
  hasValidity: boolean,
): number {
  const width =
    type === 'string'
      ? (rowCount + 1) * 4 + textSize
      : type === 'boolean'
        ? rowCount
        : rowCount * 8;
  return align8(width) + (hasValidity ? align8(rowCount) : 0);
}

/** `valid` absent = every row has a value. Rows without one are written as zeros, whatever they hold. */
export interface FrameColumnInput {
  readonly name: string;
  readonly type: FieldType;
  readonly values: FrameValues;
  readonly valid?: Uint8Array | undefined;
}

/** By type: float, integer, unsigned, boolean (0 or 1), string. */
export type FrameValues =
  | Float64Array
  | BigInt64Array
  | BigUint64Array
  | Uint8Array
  | readonly string[];

export interface FrameSeriesInput {
  /** Canonical (series-key.ts); no two series of a frame have the same. */
  readonly key: Uint8Array;
  /** Strictly ascending, at least one. */
  readonly times: BigInt64Array;
  readonly columns: readonly FrameColumnInput[];
}

interface PlannedColumn {
  readonly input: FrameColumnInput;
  readonly key: number;
  readonly texts: readonly Uint8Array[] | undefined;
  readonly size: number;
}

interface PlannedSeries {
  readonly input: FrameSeriesInput;
  readonly columns: readonly PlannedColumn[];
  readonly size: number;
}

interface ColumnKey {
  readonly name: Uint8Array;
  readonly type: FieldType;
}

function isValid(valid: Uint8Array | undefined, row: number): boolean {
  return valid === undefined || valid[row] === 1;
}

function encodeTexts(input: FrameColumnInput): readonly Uint8Array[] | undefined {
  if (input.type !== 'string') return undefined;
  const empty = new Uint8Array(0);
  return Array.from(input.values as readonly string[], (text, row) =>
    isValid(input.valid, row) ? encodeText(text) : empty,
  );
}

function planSeries(
  input: FrameSeriesInput,
  keyIndexOf: (column: FrameColumnInput) => number,
): PlannedSeries {
  const rowCount = input.times.length;
  invariant(rowCount > 0, 'a series of a frame has rows');
  let size = rowCount * 8 + input.columns.length * columnEntrySize;
  const columns = input.columns.map((column): PlannedColumn => {
    invariant(column.values.length === rowCount, 'a column has a value per row');
    const texts = encodeTexts(column);
    const textSize = texts?.reduce((sum, text) => sum + text.length, 0) ?? 0;
    const bytes = columnSize(column.type, rowCount, textSize, column.valid !== undefined);
    size += bytes;
    return { input: column, key: keyIndexOf(column), texts, size: bytes };
  });
  return { input, columns, size };
}

function writeValues(bytes: Uint8Array, at: number, column: PlannedColumn, rowCount: number): void {
  const { values, valid } = column.input;
  const view = new DataView(bytes.buffer);
  if (column.texts !== undefined) {
    let end = 0;
    column.texts.forEach((text, row) => {
      bytes.set(text, at + (rowCount + 1) * 4 + end);
      end += text.length;
      view.setUint32(at + (row + 1) * 4, end, true);
    });
    return;
  }
  for (let row = 0; row < rowCount; row++) {
    if (!isValid(valid, row)) continue;
    if (values instanceof Float64Array) view.setFloat64(at + row * 8, values[row]!, true);
    else if (values instanceof BigInt64Array) view.setBigInt64(at + row * 8, values[row]!, true);
    else if (values instanceof BigUint64Array) view.setBigUint64(at + row * 8, values[row]!, true);
    else if (values instanceof Uint8Array) bytes[at + row] = values[row]!;
  }
}

/** Writes one block and returns how many cells it holds. */
function writeBlock(bytes: Uint8Array, block: number, series: PlannedSeries): number {
  const view = new DataView(bytes.buffer);
  const { times } = series.input;
  const rowCount = times.length;
  new BigInt64Array(bytes.buffer, block, rowCount).set(times);
  let entry = block + rowCount * 8;
  let data = entry + series.columns.length * columnEntrySize;
  let cellCount = 0;
  for (const column of series.columns) {
    const { valid } = column.input;
    const validity = data + column.size - align8(rowCount);
    view.setUint32(entry, column.key, true);
    view.setUint32(entry + 4, valid === undefined ? 0 : 1, true);
    view.setUint32(entry + 8, data, true);
    view.setUint32(entry + 12, valid === undefined ? 0 : validity, true);
    if (valid !== undefined) bytes.set(valid, validity);
    cellCount += valid === undefined ? rowCount : valid.reduce((sum, one) => sum + one, 0);
    writeValues(bytes, data, column, rowCount);
    entry += columnEntrySize;
    data += column.size;
  }
  return cellCount;
}

function writeColumnKeys(bytes: Uint8Array, keys: readonly ColumnKey[], namesAt: number): void {
  const view = new DataView(bytes.buffer);
  let name = namesAt;
  keys.forEach((key, index) => {
    const at = frameHeaderSize + index * columnKeySize;
    view.setUint32(at, name, true);
    view.setUint16(at + 4, key.name.length, true);
    bytes[at + 6] = typeCode[key.type];
    bytes.set(key.name, name);
    name += key.name.length;
  });
}

function boundTimes(series: readonly FrameSeriesInput[]): { min: bigint; max: bigint } {
  let min = series[0]!.times[0]!;
  let max = min;
  for (const { times } of series) {
    if (times[0]! < min) min = times[0]!;
    if (times[times.length - 1]! > max) max = times[times.length - 1]!;
  }
  return { min, max };
}

/** The plain way to a frame, for everything but the hot path. `series` must not be empty. */
export function encodePointsFrame(
  target: FrameTarget,
  series: readonly FrameSeriesInput[],
): Uint8Array<ArrayBuffer> {
  invariant(series.length > 0, 'a frame of points has series');
  const keys: ColumnKey[] = [];
  const keyIndices = new Map<string, number>();
  const planned = series.map((one) =>
    planSeries(one, ({ name, type }) => {
      const id = `${typeCode[type]}${name}`;
      const index = keyIndices.get(id) ?? keys.push({ name: encodeText(name), type }) - 1;
      keyIndices.set(id, index);
      return index;
    }),
  );
  const seriesTable = frameHeaderSize + keys.length * columnKeySize;
  const namesAt = seriesTable + series.length * seriesEntrySize;
  const keysAt = namesAt + keys.reduce((sum, key) => sum + key.name.length, 0);
  let block = align8(keysAt + series.reduce((sum, one) => sum + one.key.length, 0));
  const size = planned.reduce((sum, one) => sum + one.size, block);
  const bytes = new Uint8Array(new ArrayBuffer(size));
  const view = new DataView(bytes.buffer);
  let rowCount = 0;
  let cellCount = 0;
  let keyAt = keysAt;
  planned.forEach((one, index) => {
    const { key, times } = one.input;
    const entry = seriesTable + index * seriesEntrySize;
    const words = [keyAt, key.length, block, times.length, one.columns.length];
    for (const [i, word] of words.entries()) view.setUint32(entry + i * 4, word, true);
    bytes.set(key, keyAt);
    keyAt += key.length;
    cellCount += writeBlock(bytes, block, one);
    rowCount += times.length;
    block += one.size;
  });
  writeFrameHeader(view, target, 'points');
  writeColumnKeys(bytes, keys, namesAt);
  writeFrameTotals(view, {
    seriesCount: series.length,
    rowCount,
    cellCount,
    columnKeyCount: keys.length,
    columnKeysOffset: frameHeaderSize,
    seriesTableOffset: seriesTable,
  });
  const { min, max } = boundTimes(series);
  view.setBigInt64(72, min, true);
  view.setBigInt64(80, max, true);
  sealFrame(bytes);
  return bytes;
}

/** A delete for one shard; the policy in the header is the predicate's, or all. */
export function encodeDeleteFrame(
  target: Omit<FrameTarget, 'rpId'>,
  predicate: DeletePredicate,
): Uint8Array<ArrayBuffer> {
  const payload = encodeDeletePredicate(predicate);
  const bytes = new Uint8Array(new ArrayBuffer(align8(frameHeaderSize + payload.length)));
  const view = new DataView(bytes.buffer);
  writeFrameHeader(view, { ...target, rpId: predicate.rpId ?? everyPolicy }, 'delete');
  view.setBigInt64(72, predicate.range.min, true);
  view.setBigInt64(80, predicate.range.max, true);
  view.setUint32(88, frameHeaderSize, true);
  view.setUint32(92, payload.length, true);
  bytes.set(payload, frameHeaderSize);
  sealFrame(bytes);
  return bytes;
}
