/** `x::type` on a column: numeric types convert, anything else that differs gives nulls. */

import type { Column } from '../../model/column.ts';
import type { FieldType } from '../../model/field-type.ts';
import { narrow, toFloats } from '../columns/integers.ts';

const int64Bits = 64;

/** Go's conversion of an out-of-range float on amd64: the least integer. */
const overflowed = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

export function truncateFloat(value: number): bigint {
  if (!Number.isFinite(value)) return overflowed;
  const whole = BigInt(Math.trunc(value));
  return whole > int64Max || whole < overflowed ? overflowed : whole;
}

function floatsToIntegers(values: Float64Array): Float64Array | BigInt64Array {
  const whole = new Float64Array(values.length);
  let isSafe = true;
  for (let i = 0; i < values.length; i++) {
    whole[i] = Math.trunc(values[i]!) + 0;
    isSafe &&= Number.isSafeInteger(whole[i]!);
  }
  return isSafe ? whole : BigInt64Array.from(values, truncateFloat);
}

function toSigned(column: Column): Column | undefined {
  const { valid } = column;
  switch (column.type) {
    case 'float':
      return { type: 'integer', values: floatsToIntegers(column.values), valid };
    case 'unsigned':
      return column.values instanceof Float64Array
        ? { type: 'integer', values: column.values, valid }
        : { type: 'integer', values: new BigInt64Array(column.values), valid };
    default:
      return undefined;
  }
}

function toUnsigned(column: Column): Column | undefined {
  const signed = column.type === 'integer' ? column : toSigned(column);
  if (signed?.type !== 'integer') return undefined;
  const { values, valid } = signed;
  if (values instanceof Float64Array && values.every((value) => value >= 0)) {
    return { type: 'unsigned', values, valid };
  }
  const wide = BigUint64Array.from(values, (value: number | bigint) =>
    BigInt.asUintN(int64Bits, BigInt(value)),
  );
  return { type: 'unsigned', values: narrow(wide) as Float64Array | BigUint64Array, valid };
}

/** Undefined = all null. */
export function castColumn(column: Column | undefined, type: FieldType): Column | undefined {
  if (column === undefined || column.type === type) return column;
  if (column.type === 'string' || column.type === 'boolean') return undefined;
  switch (type) {
    case 'float':
      return { type: 'float', values: toFloats(column.values), valid: column.valid };
    case 'integer':
      return toSigned(column);
    case 'unsigned':
      return toUnsigned(column);
    default:
      return undefined;
  }
}
