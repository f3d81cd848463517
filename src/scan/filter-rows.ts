/** Rows of a batch that a mask lets through, as a batch of their own. */

import type { Column, ColumnBatch } from '../model/column.ts';

export function countRows(mask: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < mask.length; i++) count += mask[i]!;
  return count;
}

/** Numbers of the first `count` rows that pass; an absent mask passes all. */
export function listRows(
  mask: Uint8Array | undefined,
  rowCount: number,
  count: number,
): Uint32Array {
  const rows = new Uint32Array(count);
  let at = 0;
  for (let row = 0; row < rowCount && at < count; row++) if (!mask || mask[row]) rows[at++] = row;
  return rows;
}

/** Numbers of the last `count` rows that pass, the last one first. */
export function listLastRows(
  mask: Uint8Array | undefined,
  rowCount: number,
  count: number,
): Uint32Array {
  const rows = new Uint32Array(count);
  let at = 0;
  for (let row = rowCount - 1; row >= 0 && at < count; row--) {
    if (!mask || mask[row]) rows[at++] = row;
  }
  return rows;
}

/** Shares memory when every row passes. */
export function filterBatch(batch: ColumnBatch, mask: Uint8Array): ColumnBatch {
  const count = countRows(mask);
  if (count === batch.rowCount) return batch;
  const rows = listRows(mask, batch.rowCount, count);
  return {
    rowCount: count,
    base: batch.base,
    offsets: pick(batch.offsets, rows, new Float64Array(count)),
    columns: batch.columns.map((column) => column && pickRows(column, rows)),
  };
}

/** Row i of the answer is rows[i] of the column. */
export function pickRows(column: Column, rows: Uint32Array): Column {
  const count = rows.length;
  const valid = column.valid && pick(column.valid, rows, new Uint8Array(count));
  switch (column.type) {
    case 'float':
      return { type: 'float', values: pick(column.values, rows, new Float64Array(count)), valid };
    case 'boolean':
      return { type: 'boolean', values: pick(column.values, rows, new Uint8Array(count)), valid };
    case 'string': {
      const codes = pick(column.codes, rows, new Uint32Array(count));
      return { type: 'string', codes, dictionary: column.dictionary, valid };
    }
    case 'integer': {
      const { values } = column;
      if (values instanceof Float64Array) {
        return { type: 'integer', values: pick(values, rows, new Float64Array(count)), valid };
      }
      return { type: 'integer', values: pickWide(values, rows, new BigInt64Array(count)), valid };
    }
    case 'unsigned': {
      const { values } = column;
      if (values instanceof Float64Array) {
        return { type: 'unsigned', values: pick(values, rows, new Float64Array(count)), valid };
      }
      return { type: 'unsigned', values: pickWide(values, rows, new BigUint64Array(count)), valid };
    }
  }
}

/** out[i] := values[rows[i]]. */
export function pick<T extends Float64Array | Uint32Array | Uint8Array>(
  values: T,
  rows: Uint32Array,
  out: T,
): T {
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]!]!;
  return out;
}

function pickWide<T extends BigInt64Array | BigUint64Array>(
  values: T,
  rows: Uint32Array,
  out: T,
): T {
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]!]!;
  return out;
}
