/** Rows of [from, until) that hold the first, last, least or greatest value; -1 = no row has one. */

import type { Column } from '../model/column.ts';

export type SelectorFn = 'min' | 'max' | 'first' | 'last';

export function selectRow(fn: SelectorFn, column: Column, from: number, until: number): number {
  if (fn === 'first') return firstRow(column.valid, from, until);
  if (fn === 'last') return lastRow(column.valid, from, until);
  if (column.type === 'string') return -1;
  const start = firstRow(column.valid, from, until);
  if (start < 0) return -1;
  const { values, valid } = column;
  if (values instanceof Float64Array) {
    return fn === 'min'
      ? leastRow(values, valid, start, until)
      : greatestRow(values, valid, start, until);
  }
  if (values instanceof Uint8Array) return flagRow(values, valid, start, until, fn === 'max');
  return fn === 'min'
    ? leastWords(values, valid, start, until)
    : greatestWords(values, valid, start, until);
}

function firstRow(valid: Uint8Array | undefined, from: number, until: number): number {
  if (!valid) return from < until ? from : -1;
  for (let i = from; i < until; i++) if (valid[i]) return i;
  return -1;
}

function lastRow(valid: Uint8Array | undefined, from: number, until: number): number {
  if (!valid) return from < until ? until - 1 : -1;
  for (let i = until - 1; i >= from; i--) if (valid[i]) return i;
  return -1;
}

/** Ties: the earliest row, here and below. */
function leastRow(
  values: Float64Array,
  valid: Uint8Array | undefined,
  start: number,
  until: number,
): number {
  let row = start;
  let least = values[start]!;
  for (let i = start + 1; i < until; i++) {
    const value = values[i]!;
    if (value < least && (!valid || valid[i])) {
      least = value;
      row = i;
    }
  }
  return row;
}

function greatestRow(
  values: Float64Array,
  valid: Uint8Array | undefined,
  start: number,
  until: number,
): number {
  let row = start;
  let most = values[start]!;
  for (let i = start + 1; i < until; i++) {
    const value = values[i]!;
    if (value > most && (!valid || valid[i])) {
      most = value;
      row = i;
    }
  }
  return row;
}

/** The first row with the wanted truth, else the first row. */
function flagRow(
  values: Uint8Array,
  valid: Uint8Array | undefined,
  start: number,
  until: number,
  wanted: boolean,
): number {
  for (let i = start; i < until; i++) {
    if ((values[i] === 1) === wanted && (!valid || valid[i])) return i;
  }
  return start;
}

function leastWords(
  values: BigInt64Array | BigUint64Array,
  valid: Uint8Array | undefined,
  start: number,
  until: number,
): number {
  let row = start;
  for (let i = start + 1; i < until; i++) {
    if (values[i]! < values[row]! && (!valid || valid[i])) row = i;
  }
  return row;
}

function greatestWords(
  values: BigInt64Array | BigUint64Array,
  valid: Uint8Array | undefined,
  start: number,
  until: number,
): number {
  let row = start;
  for (let i = start + 1; i < until; i++) {
    if (values[i]! > values[row]! && (!valid || valid[i])) row = i;
  }
  return row;
}
