/** Computes an expression over the columns of a frame. */

import type { Column } from '../../model/column.ts';
import type { Frame } from '../frame.ts';
import { computeColumns } from './arithmetic.ts';
import { castColumn } from './cast-column.ts';
import { callMath } from './math-columns.ts';
import type { ValueExpr } from './value-expr.ts';

function constantColumn(expr: ValueExpr & { kind: 'constant' }, rowCount: number): Column {
  const { type, value } = expr;
  const valid = undefined;
  switch (type) {
    case 'float':
      return { type, values: new Float64Array(rowCount).fill(Number(value)), valid };
    case 'string':
      return { type, codes: new Uint32Array(rowCount), dictionary: [String(value)], valid };
    case 'boolean':
      return { type, values: new Uint8Array(rowCount).fill(value === true ? 1 : 0), valid };
    case 'integer': {
      const number = Number(value);
      return Number.isSafeInteger(number)
        ? { type, values: new Float64Array(rowCount).fill(number), valid }
        : { type, values: new BigInt64Array(rowCount).fill(BigInt(value)), valid };
    }
    case 'unsigned':
      return { type, values: new BigUint64Array(rowCount).fill(BigInt(value)), valid };
  }
}

/** Undefined = all null. */
export function evaluate(expr: ValueExpr, frame: Frame): Column | undefined {
  switch (expr.kind) {
    case 'column':
      return frame.columns[expr.index];
    case 'constant':
      return constantColumn(expr, frame.rowCount);
    case 'cast':
      return castColumn(evaluate(expr.expr, frame), expr.type);
    case 'math':
      return callMath(
        expr.name,
        expr.args.map((arg) => evaluate(arg, frame)),
      );
    case 'binary':
      return computeColumns(expr.op, evaluate(expr.left, frame), evaluate(expr.right, frame));
  }
}
