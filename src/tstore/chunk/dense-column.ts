/**
 * Between columns with gaps and dense ones: codecs see only the rows that have a value.
 *
 * Doubles move as 64-bit words, so that no NaN payload is lost.
 */

import type { Column } from '../../model/column.ts';
import { wordsOf } from '../codec/integer-wide.ts';

export function countValid(valid: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < valid.length; i++) if (valid[i]) count++;
  return count;
}

/** The first `rowCount` rows of a column without its gaps; shares memory where nothing is left out. */
export function gatherColumn(column: Column, count: number): Column {
  const { valid } = column;
  if (!valid || count === valid.length) return withValidity(column, undefined);
  switch (column.type) {
    case 'string':
      return {
        ...column,
        codes: gather(column.codes, valid, new Uint32Array(count)),
        valid: undefined,
      };
    case 'boolean':
      return {
        ...column,
        values: gather(column.values, valid, new Uint8Array(count)),
        valid: undefined,
      };
    default:
      return withWords(column, gatherPairs(wordsOf(column.values), valid, count), undefined);
  }
}

export function scatterColumn(column: Column, valid: Uint8Array): Column {
  switch (column.type) {
    case 'string':
      return {
        ...column,
        codes: scatter(column.codes, valid, new Uint32Array(valid.length)),
        valid,
      };
    case 'boolean':
      return {
        ...column,
        values: scatter(column.values, valid, new Uint8Array(valid.length)),
        valid,
      };
    default:
      return withWords(column, scatterPairs(wordsOf(column.values), valid), valid);
  }
}

function withValidity(column: Column, valid: Uint8Array | undefined): Column {
  return column.valid === valid ? column : { ...column, valid };
}

/** The column's type with other 8-byte values. */
function withWords(
  column: Exclude<Column, { type: 'string' | 'boolean' }>,
  pairs: Uint32Array,
  valid: Uint8Array | undefined,
): Column {
  const { type, values } = column;
  const { buffer } = pairs;
  if (type === 'float') return { type, values: new Float64Array(buffer), valid };
  if (type === 'integer') {
    const isWide = values instanceof BigInt64Array;
    return { type, values: isWide ? new BigInt64Array(buffer) : new Float64Array(buffer), valid };
  }
  const isWide = values instanceof BigUint64Array;
  return { type, values: isWide ? new BigUint64Array(buffer) : new Float64Array(buffer), valid };
}

function gather<T extends Uint8Array | Uint32Array>(values: T, valid: Uint8Array, out: T): T {
  let at = 0;
  for (let row = 0; row < valid.length; row++) if (valid[row]) out[at++] = values[row]!;
  return out;
}

function gatherPairs(pairs: Uint32Array, valid: Uint8Array, count: number): Uint32Array {
  const out = new Uint32Array(2 * count);
  let at = 0;
  for (let row = 0; row < valid.length; row++) {
    if (!valid[row]) continue;
    out[at++] = pairs[2 * row]!;
    out[at++] = pairs[2 * row + 1]!;
  }
  return out;
}

function scatter<T extends Uint8Array | Uint32Array>(values: T, valid: Uint8Array, out: T): T {
  let at = 0;
  for (let row = 0; row < valid.length; row++) if (valid[row]) out[row] = values[at++]!;
  return out;
}

function scatterPairs(pairs: Uint32Array, valid: Uint8Array): Uint32Array {
  const out = new Uint32Array(2 * valid.length);
  let at = 0;
  for (let row = 0; row < valid.length; row++) {
    if (!valid[row]) continue;
    out[2 * row] = pairs[at++]!;
    out[2 * row + 1] = pairs[at++]!;
  }
  return out;
}
