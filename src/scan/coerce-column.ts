/**
 * A column as the type a plan asks for: numbers are cast, values of other types vanish.
 */

import type { Column } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';
import { columnOf, columnScalar } from './operand.ts';
import { isNumeric, type Scalar } from './scalar.ts';

/** Undefined when no value of the column has the type. */
export function coerceColumn(column: Column | undefined, type: FieldType): Column | undefined {
  if (!column || column.type === type) return column;
  if (column.type === 'string' || column.type === 'boolean' || !isNumeric(type)) return undefined;
  if (type === 'float' && column.values instanceof Float64Array) {
    return { type, values: column.values, valid: column.valid };
  }
  const rowCount = column.values.length;
  const scalars = Array.from({ length: rowCount }, (_, row) =>
    cast(columnScalar(column, row), type),
  );
  return columnOf(type, scalars);
}

function cast(scalar: Scalar | undefined, type: FieldType): Scalar | undefined {
  if (!scalar || typeof scalar.value === 'string' || typeof scalar.value === 'boolean') {
    return undefined;
  }
  if (type === 'float') return { type, value: Number(scalar.value) };
  const value = scalar.value;
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  const whole = typeof value === 'number' ? BigInt(Math.trunc(value)) : value;
  if (type === 'integer') return { type, value: BigInt.asIntN(64, whole) };
  return { type: 'unsigned', value: BigInt.asUintN(64, whole) };
}
