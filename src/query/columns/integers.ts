/**
 * The two forms of an integer column: Float64Array while every value is safe, else 64-bit.
 */

import type { IntegerColumn, UnsignedColumn } from '../../model/column.ts';

/** All values as doubles; beyond 2^53 rounded, as a conversion to float does. */
export function toFloats(values: Float64Array | BigInt64Array | BigUint64Array): Float64Array {
  if (values instanceof Float64Array) return values;
  const floats = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) floats[i] = Number(values[i]);
  return floats;
}

export function toBigInts(column: IntegerColumn | UnsignedColumn): BigInt64Array | BigUint64Array {
  const { values } = column;
  if (!(values instanceof Float64Array)) return values;
  const wide =
    column.type === 'integer'
      ? new BigInt64Array(values.length)
      : new BigUint64Array(values.length);
  for (let i = 0; i < values.length; i++) wide[i] = BigInt(values[i]!);
  return wide;
}

/** The narrow form when every value is safe. */
export function narrow(
  values: BigInt64Array | BigUint64Array,
): Float64Array | BigInt64Array | BigUint64Array {
  const floats = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (!Number.isSafeInteger(value)) return values;
    floats[i] = value;
  }
  return floats;
}

const int64Bits = 64;

/** As an integer value of a column: wrapped in 64 bits, a number while that is safe. */
export function toInteger(value: number | bigint): number | bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  const wrapped = BigInt.asIntN(int64Bits, BigInt(value));
  const number = Number(wrapped);
  return Number.isSafeInteger(number) ? number : wrapped;
}
