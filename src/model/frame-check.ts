/**
 * Proves that a frame of points stays inside its bounds and holds what its layout promises, so that
 * readers need no checks of their own. Works on words and bytes; one pass, no object per series.
 */

import { CitadelError } from '../base/errors.ts';
import { fieldTypeOf, typeCode } from './field-type.ts';
import {
  columnEntrySize,
  columnKeySize,
  frameHeaderSize,
  integerSizes,
  narrowVersion,
  seriesEntrySize,
} from './frame-layout.ts';
import { isWellFormedSeriesKey } from './series-key.ts';

/** Totals that the header states. */
interface Totals {
  rows: number;
  cells: number;
}

function check(holds: boolean, claim: string, at: number): void {
  if (holds) return;
  throw new CitadelError('corrupt', `cannot read frame: ${claim}`, { details: { offset: at } });
}

function isInside(start: number, size: number, end: number): boolean {
  return start >= frameHeaderSize && start + size <= end;
}

function checkColumnKeys(words: Uint32Array, bytes: Uint8Array): void {
  const count = words[15]!;
  const table = words[16]!;
  check(table % 8 === 0 && isInside(table, count * columnKeySize, bytes.length), 'column keys', 64);
  for (let i = 0; i < count; i++) {
    const at = table + i * columnKeySize;
    const size = bytes[at + 4]! | (bytes[at + 5]! << 8);
    check(isInside(words[at / 4]!, size, bytes.length), 'column name outside', at);
    check(fieldTypeOf(bytes[at + 6]!) !== undefined, 'unknown column type', at);
  }
}

function checkTimes(words: Uint32Array, start: number, rowCount: number): void {
  const first = start / 4;
  for (let at = first + 2; at < first + rowCount * 2; at += 2) {
    const high = words[at + 1]! | 0;
    const highBefore = words[at - 1]! | 0;
    const ascends = high > highBefore || (high === highBefore && words[at]! > words[at - 2]!);
    check(ascends, 'times do not ascend', at * 4);
  }
}

function countValid(bytes: Uint8Array, start: number, rowCount: number): number {
  let count = 0;
  let or = 0;
  for (let i = start; i < start + rowCount; i++) {
    count += bytes[i]!;
    or |= bytes[i]!;
  }
  check(or <= 1, 'validity is neither 0 nor 1', start);
  return count;
}

function checkStrings(words: Uint32Array, start: number, rowCount: number, end: number): void {
  const first = start / 4;
  check(words[first] === 0, 'first string does not start at 0', start);
  for (let at = first + 1; at <= first + rowCount; at++) {
    check(words[at]! >= words[at - 1]!, 'string starts do not ascend', at * 4);
  }
  const size = words[first + rowCount]!;
  check(isInside(start, (rowCount + 1) * 4 + size, end), 'strings outside', start);
}

function checkBooleans(bytes: Uint8Array, start: number, rowCount: number): void {
  let or = 0;
  for (let i = start; i < start + rowCount; i++) or |= bytes[i]!;
  check(or <= 1, 'boolean is neither 0 nor 1', start);
}

/** Bytes of a value, of a string those of its start. `flags` are those of the column. */
function sizeOfValue(words: Uint32Array, type: number, flags: number, at: number): number {
  const code = flags >>> 1;
  const mayBeNarrow = type === typeCode.integer && (words[1]! & 0xffff) >= narrowVersion;
  check(code === 0 || (mayBeNarrow && code < integerSizes.length), 'unknown column flags', at);
  if (type === typeCode.boolean) return 1;
  return type === typeCode.string ? 4 : integerSizes[code]!;
}

/** Returns how many cells the column has. */
function checkColumn(words: Uint32Array, bytes: Uint8Array, at: number, rowCount: number): number {
  const key = words[at / 4]!;
  const flags = words[at / 4 + 1]!;
  const data = words[at / 4 + 2]!;
  check(key < words[15]!, 'unknown column key', at);
  const type = bytes[words[16]! + key * columnKeySize + 6]!;
  const width = sizeOfValue(words, type, flags, at);
  const count = type === typeCode.string ? rowCount + 1 : rowCount;
  check(data % 8 === 0 && isInside(data, count * width, bytes.length), 'column outside', at);
  if (type === typeCode.string) checkStrings(words, data, rowCount, bytes.length);
  if (type === typeCode.boolean) checkBooleans(bytes, data, rowCount);
  if ((flags & 1) === 0) return rowCount;
  const validity = words[at / 4 + 3]!;
  check(isInside(validity, rowCount, bytes.length), 'validity outside', at);
  return countValid(bytes, validity, rowCount);
}

function checkOneSeries(words: Uint32Array, bytes: Uint8Array, at: number, totals: Totals): void {
  const keyStart = words[at / 4]!;
  const keySize = words[at / 4 + 1]!;
  const block = words[at / 4 + 2]!;
  const rowCount = words[at / 4 + 3]!;
  const columnCount = words[at / 4 + 4]!;
  check(isInside(keyStart, keySize, bytes.length), 'series key outside', at);
  const key = bytes.subarray(keyStart, keyStart + keySize);
  check(isWellFormedSeriesKey(key), 'series key is malformed', keyStart);
  check(rowCount > 0, 'series without rows', at);
  const size = rowCount * 8 + columnCount * columnEntrySize;
  check(block % 8 === 0 && isInside(block, size, bytes.length), 'block outside', at);
  checkTimes(words, block, rowCount);
  for (let i = 0; i < columnCount; i++) {
    const entry = block + rowCount * 8 + i * columnEntrySize;
    totals.cells += checkColumn(words, bytes, entry, rowCount);
  }
  totals.rows += rowCount;
}

/** Errors: `corrupt`, naming the offset inside the frame. The header itself was checked before. */
export function checkPointsFrame(words: Uint32Array, bytes: Uint8Array): void {
  checkColumnKeys(words, bytes);
  const seriesCount = words[12]!;
  const table = words[17]!;
  const size = seriesCount * seriesEntrySize;
  check(table % 8 === 0 && isInside(table, size, bytes.length), 'series table', 68);
  const totals: Totals = { rows: 0, cells: 0 };
  for (let i = 0; i < seriesCount; i++) {
    checkOneSeries(words, bytes, table + i * seriesEntrySize, totals);
  }
  check(totals.rows === words[13]!, 'row count differs', 52);
  check(totals.cells === words[14]!, 'cell count differs', 56);
}
