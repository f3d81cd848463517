/**
 * What an expression is worth over the rows of a batch: one value for all rows, a column, or
 * nothing (undefined).
 */

import type { Column } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';
import type { Scalar } from './scalar.ts';

export type Operand =
  | { readonly kind: 'scalar'; readonly scalar: Scalar }
  | { readonly kind: 'column'; readonly column: Column }
  | undefined;

export function typeOf(operand: Operand): FieldType | undefined {
  if (!operand) return undefined;
  return operand.kind === 'scalar' ? operand.scalar.type : operand.column.type;
}

/** One row's value; the slow way. */
export function scalarAt(operand: Operand, row: number): Scalar | undefined {
  if (!operand) return undefined;
  if (operand.kind === 'scalar') return operand.scalar;
  return columnScalar(operand.column, row);
}

export function columnScalar(column: Column, row: number): Scalar | undefined {
  if (column.valid && !column.valid[row]) return undefined;
  switch (column.type) {
    case 'float':
      return { type: 'float', value: column.values[row]! };
    case 'boolean':
      return { type: 'boolean', value: column.values[row] === 1 };
    case 'string':
      return { type: 'string', value: column.dictionary[column.codes[row]!]! };
    default:
      return { type: column.type, value: BigInt(column.values[row]!) };
  }
}

/** Numbers as doubles when each one is exact as such: a column's array, or a scalar's value. */
export function exactDoubles(operand: Operand): Float64Array | number | undefined {
  if (!operand) return undefined;
  if (operand.kind === 'column') {
    const { column } = operand;
    if (column.type === 'string' || column.type === 'boolean') return undefined;
    return column.values instanceof Float64Array ? column.values : undefined;
  }
  const { scalar } = operand;
  if (scalar.type === 'float') return scalar.value;
  if (scalar.type !== 'integer' && scalar.type !== 'unsigned') return undefined;
  const value = Number(scalar.value);
  return Number.isSafeInteger(value) ? value : undefined;
}

export function validOf(operand: Operand): Uint8Array | undefined {
  return operand?.kind === 'column' ? operand.column.valid : undefined;
}

/** A column of scalars of one type, undefined where a row has none. */
export function columnOf(type: FieldType, scalars: readonly (Scalar | undefined)[]): Column {
  const gaps = scalars.includes(undefined);
  const valid = gaps ? Uint8Array.from(scalars, (scalar) => (scalar ? 1 : 0)) : undefined;
  const values = scalars.map((scalar) => scalar?.value);
  switch (type) {
    case 'float':
      return { type, values: Float64Array.from(values, (value) => Number(value ?? 0)), valid };
    case 'boolean':
      return { type, values: Uint8Array.from(values, (value) => (value ? 1 : 0)), valid };
    case 'string':
      return {
        type,
        codes: Uint32Array.from(values, (_, row) => row),
        dictionary: values.map((value) => String(value ?? '')),
        valid,
      };
    case 'integer':
    case 'unsigned':
      return integerColumn(
        type,
        values.map((value) => BigInt(value ?? 0)),
        valid,
      );
  }
}

function integerColumn(
  type: 'integer' | 'unsigned',
  values: readonly bigint[],
  valid: Uint8Array | undefined,
): Column {
  const isSafe = values.every((value) => Number.isSafeInteger(Number(value)));
  if (isSafe) return { type, values: Float64Array.from(values, Number), valid };
  if (type === 'integer') return { type, values: BigInt64Array.from(values), valid };
  return { type, values: BigUint64Array.from(values), valid };
}
