/**
 * Summaries of columns in a chunk: computed from dense values (rows without one left out), stored
 * with row numbers in place of offsets.
 *
 * Stored: rows of the least and the greatest value (unsigned each; dense numbers), then the values
 * first, last, min, max and, where there is one, sum. Form of the values, 1 byte in front: 1 doubles
 * with a sum, 2 doubles without, 3 safe integers as signed varints, 4 64-bit words.
 */

import type { Column } from '../../model/column.ts';
import type { SummaryValue } from '../../scan/column-summary.ts';
import type { ByteReader } from '../codec/byte-reader.ts';
import { corruptChunk } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';

/** Rows number the values of the column, from 0. */
export interface DenseSummary {
  readonly minRow: number;
  readonly maxRow: number;
  readonly first: SummaryValue;
  readonly last: SummaryValue;
  readonly min: SummaryValue;
  readonly max: SummaryValue;
  readonly sum: SummaryValue | undefined;
}

const form = { sums: 1, doubles: 2, safe: 3, words: 4 } as const;

/** Undefined for strings, and for floats with a NaN, which has no place in an order. */
export function summarize(column: Column): DenseSummary | undefined {
  switch (column.type) {
    case 'string':
      return undefined;
    case 'boolean':
      return summarizeNumbers(column.values, undefined);
    case 'float':
      return summarizeFloats(column.values);
    default:
      if (column.values instanceof Float64Array) {
        return summarizeNumbers(column.values, exactSum(column.values));
      }
      return summarizeWords(column.values, column.type === 'integer');
  }
}

function summarizeFloats(values: Float64Array): DenseSummary | undefined {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return undefined;
  return summarizeNumbers(values, exactFloatSum(values));
}

function summarizeNumbers(
  values: Float64Array | Uint8Array,
  sum: SummaryValue | undefined,
): DenseSummary {
  let minRow = 0;
  let maxRow = 0;
  let min = values[0]!;
  let max = min;
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!;
    if (value < min) {
      min = value;
      minRow = i;
    }
    if (value > max) {
      max = value;
      maxRow = i;
    }
  }
  return { minRow, maxRow, first: values[0]!, last: values[values.length - 1]!, min, max, sum };
}

/** Undefined unless every partial sum in any order is a safe integer: then no order matters. */
function exactFloatSum(values: Float64Array): number | undefined {
  let magnitude = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isInteger(value)) return undefined;
    magnitude += Math.abs(value);
    sum += value;
  }
  return magnitude <= Number.MAX_SAFE_INTEGER ? sum : undefined;
}

/** Of safe integers; the sum modulo 2^64 is the aggregator's, here it may be any size. */
function exactSum(values: Float64Array): SummaryValue {
  let magnitude = 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    magnitude += Math.abs(value);
    sum += value;
  }
  if (magnitude <= Number.MAX_SAFE_INTEGER) return sum;
  let exact = 0n;
  for (let i = 0; i < values.length; i++) exact += BigInt(values[i]!);
  return exact;
}

function summarizeWords(values: BigInt64Array | BigUint64Array, signed: boolean): DenseSummary {
  let minRow = 0;
  let maxRow = 0;
  let sum = 0n;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < values[minRow]!) minRow = i;
    else if (value > values[maxRow]!) maxRow = i;
    sum += value;
  }
  return {
    minRow,
    maxRow,
    first: values[0]!,
    last: values[values.length - 1]!,
    min: values[minRow]!,
    max: values[maxRow]!,
    sum: signed ? BigInt.asIntN(64, sum) : BigInt.asUintN(64, sum),
  };
}

function formOf(column: Column, summary: DenseSummary): number {
  if (column.type === 'float') return summary.sum === undefined ? form.doubles : form.sums;
  const values = [summary.first, summary.last, summary.min, summary.max, summary.sum ?? 0];
  return values.some((value) => typeof value === 'bigint') ? form.words : form.safe;
}

export function encodeSummary(writer: ByteWriter, column: Column, summary: DenseSummary): void {
  const { first, last, min, max, sum } = summary;
  const shape = formOf(column, summary);
  writer.byte(shape);
  writer.unsigned(summary.minRow);
  writer.unsigned(summary.maxRow);
  for (const value of [first, last, min, max]) putValue(writer, shape, value);
  if (sum !== undefined) putValue(writer, shape, sum);
}

function putValue(writer: ByteWriter, shape: number, value: SummaryValue): void {
  if (shape === form.words) {
    const at = writer.take(8);
    writer.view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  } else if (shape === form.safe) {
    writer.signed(Number(value));
  } else {
    writer.f64(Number(value));
  }
}

export function decodeSummary(reader: ByteReader, type: Column['type']): DenseSummary {
  const shape = reader.byte();
  if (shape < form.sums || shape > form.words) throw corruptChunk('has a summary of no known form');
  const minRow = reader.unsigned();
  const maxRow = reader.unsigned();
  const signed = type !== 'unsigned';
  const first = takeValue(reader, shape, signed);
  const last = takeValue(reader, shape, signed);
  const min = takeValue(reader, shape, signed);
  const max = takeValue(reader, shape, signed);
  const hasSum = shape !== form.doubles && type !== 'boolean';
  const sum = hasSum ? takeValue(reader, shape, signed) : undefined;
  return { minRow, maxRow, first, last, min, max, sum };
}

function takeValue(reader: ByteReader, shape: number, signed: boolean): SummaryValue {
  if (shape === form.safe) return reader.signed();
  if (shape !== form.words) return reader.f64();
  const at = reader.skip(8);
  const value = signed ? reader.view.getBigInt64(at, true) : reader.view.getBigUint64(at, true);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
