/**
 * The mathematical functions on whole columns. abs, floor, ceil and round keep the type, the others give
 * floats; what is no number gives null, and so does a result that is none (NaN prints as null).
 */

import type { Column } from '../../model/column.ts';
import { unaryCall } from '../../scan/math-call.ts';
import { narrow, toBigInts, toFloats } from '../columns/integers.ts';
import { bothValid } from './arithmetic.ts';

const pairFunctions: ReadonlyMap<string, (left: number, right: number) => number> = new Map([
  ['atan2', Math.atan2],
  ['pow', Math.pow],
  ['log', (value, base) => Math.log(value) / Math.log(base)],
]);

const int64Bits = 64;

function numbersOf(column: Column | undefined): Float64Array | undefined {
  if (column === undefined || column.type === 'string' || column.type === 'boolean') {
    return undefined;
  }
  return toFloats(column.values);
}

function absolute(column: Column & { type: 'integer' | 'unsigned' }): Column {
  const { type, values, valid } = column;
  if (type === 'unsigned') return column;
  if (values instanceof Float64Array) return { type, values: values.map(Math.abs), valid };
  const wide = BigInt64Array.from(toBigInts(column), (value) =>
    BigInt.asIntN(int64Bits, value < 0n ? -value : value),
  );
  return { type, values: narrow(wide) as Float64Array | BigInt64Array, valid };
}

function callUnary(name: string, column: Column | undefined): Column | undefined {
  const floats = numbersOf(column);
  if (column === undefined || floats === undefined) return undefined;
  const call = unaryCall(name, column.type);
  if (call === undefined) return undefined;
  if (call.type === 'float') {
    return { type: 'float', values: floats.map(call.apply), valid: column.valid };
  }
  return name === 'abs' && column.type === 'integer' ? absolute(column) : column;
}

function callPair(
  apply: (left: number, right: number) => number,
  left: Column | undefined,
  right: Column | undefined,
): Column | undefined {
  const a = numbersOf(left);
  const b = numbersOf(right);
  if (a === undefined || b === undefined) return undefined;
  const values = new Float64Array(a.length);
  for (let i = 0; i < values.length; i++) values[i] = apply(a[i]!, b[i]!);
  return { type: 'float', values, valid: bothValid(left?.valid, right?.valid) };
}

/** Undefined = all null. */
export function callMath(name: string, args: readonly (Column | undefined)[]): Column | undefined {
  const pair = pairFunctions.get(name);
  if (pair !== undefined) return callPair(pair, args[0], args[1]);
  return callUnary(name, args[0]);
}
