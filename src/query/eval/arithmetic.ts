/**
 * Arithmetic on whole columns by InfluxDB's rules: division is always of floats and by zero gives 0,
 * an integer modulo 0 is 0, integers wrap in 64 bits, a null operand gives null.
 */

import { InvariantError } from '../../base/errors.ts';
import type { Column, IntegerColumn, UnsignedColumn } from '../../model/column.ts';
import { narrow, toBigInts, toFloats } from '../columns/integers.ts';
import type { ArithmeticOp } from './value-expr.ts';

export function bothValid(
  left: Uint8Array | undefined,
  right: Uint8Array | undefined,
): Uint8Array | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  const valid = new Uint8Array(left.length);
  for (let i = 0; i < valid.length; i++) valid[i] = left[i]! & right[i]!;
  return valid;
}

function computeFloats(op: ArithmeticOp, a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(a.length);
  switch (op) {
    case '+':
      for (let i = 0; i < result.length; i++) result[i] = a[i]! + b[i]!;
      break;
    case '-':
      for (let i = 0; i < result.length; i++) result[i] = a[i]! - b[i]!;
      break;
    case '*':
      for (let i = 0; i < result.length; i++) result[i] = a[i]! * b[i]!;
      break;
    case '/':
      for (let i = 0; i < result.length; i++) result[i] = b[i] === 0 ? 0 : a[i]! / b[i]!;
      break;
    case '%':
      for (let i = 0; i < result.length; i++) result[i] = a[i]! % b[i]!;
      break;
    default:
      throw new InvariantError(`operator ${op} is not for floats`);
  }
  return result;
}

/** Integers held as doubles: undefined when a result is not safe and must be computed in 64 bits. */
function computeNarrow(
  op: ArithmeticOp,
  a: Float64Array,
  b: Float64Array,
): Float64Array | undefined {
  if (op === '&' || op === '|' || op === '^') return undefined;
  const result = computeFloats(op, a, b);
  for (let i = 0; i < result.length; i++) {
    // Modulo zero is 0, and there is no minus zero among integers.
    const value = op === '%' && b[i] === 0 ? 0 : result[i]! + 0;
    if (!Number.isSafeInteger(value)) return undefined;
    result[i] = value;
  }
  return result;
}

function computeBigInt(op: ArithmeticOp, a: bigint, b: bigint): bigint {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '%':
      return b === 0n ? 0n : a % b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '/':
      return b === 0n ? 0n : a / b;
  }
}

function computeIntegers(
  op: ArithmeticOp,
  left: IntegerColumn | UnsignedColumn,
  right: IntegerColumn | UnsignedColumn,
  valid: Uint8Array | undefined,
): Column {
  const type = left.type === 'unsigned' || right.type === 'unsigned' ? 'unsigned' : 'integer';
  if (left.values instanceof Float64Array && right.values instanceof Float64Array) {
    const values = computeNarrow(op, left.values, right.values);
    if (values !== undefined && (type === 'integer' || values.every((value) => value >= 0))) {
      return { type, values, valid };
    }
  }
  const a = toBigInts(left);
  const b = toBigInts(right);
  // Storing into the typed array wraps.
  const wide = type === 'integer' ? new BigInt64Array(a.length) : new BigUint64Array(a.length);
  for (let i = 0; i < wide.length; i++) wide[i] = computeBigInt(op, a[i]!, b[i]!);
  return { type, values: narrow(wide), valid } as Column;
}

function computeBooleans(op: ArithmeticOp, a: Uint8Array, b: Uint8Array): Uint8Array | undefined {
  const values = new Uint8Array(a.length);
  for (let i = 0; i < values.length; i++) {
    if (op === '&') values[i] = a[i]! & b[i]!;
    else if (op === '|') values[i] = a[i]! | b[i]!;
    else if (op === '^') values[i] = a[i]! ^ b[i]!;
    else return undefined;
  }
  return values;
}

/** Undefined = all null. */
export function computeColumns(
  op: ArithmeticOp,
  left: Column | undefined,
  right: Column | undefined,
): Column | undefined {
  if (left === undefined || right === undefined) return undefined;
  const valid = bothValid(left.valid, right.valid);
  if (left.type === 'boolean' && right.type === 'boolean') {
    const values = computeBooleans(op, left.values, right.values);
    return values && { type: 'boolean', values, valid };
  }
  if (left.type === 'string' || left.type === 'boolean') return undefined;
  if (right.type === 'string' || right.type === 'boolean') return undefined;
  if (left.type === 'float' || right.type === 'float' || op === '/') {
    if (op === '&' || op === '|' || op === '^') return undefined;
    const values = computeFloats(op, toFloats(left.values), toFloats(right.values));
    return { type: 'float', values, valid };
  }
  return computeIntegers(op, left, right, valid);
}
