/**
 * Row expressions over batches: compiled once to a tree of functions that each answer for all rows.
 * The meaning of every operator is scalar.ts; the kernels here are its fast equals for doubles,
 * dictionaries and booleans, and the rest goes row by row through it.
 */

import { invariant } from '../base/errors.ts';
import type { Column, ColumnBatch } from '../model/column.ts';
import type { RowExpr } from '../model/plan.ts';
import { evaluateArithmetic } from './arithmetic.ts';
import { andMask, compareRows, compareWithNumber, orMask } from './compare-kernels.ts';
import { scalarOf } from './fold-expr.ts';
import { applyCall, unaryCall } from './math-call.ts';
import { columnOf, exactDoubles, type Operand, scalarAt, typeOf, validOf } from './operand.ts';
import { type TextPattern, textPattern } from './regex-cache.ts';
import { type ArithmeticOp, type CompareOp, compareScalars, isCompareOp } from './scalar.ts';

/** 1 for each row that passes, else 0. The caller may keep and change the array. */
export type RowMask = (batch: ColumnBatch) => Uint8Array;

type RowFunction = (batch: ColumnBatch) => Operand;

/** Where the fields of an expression stand in a batch. */
export type FieldIndex = (name: string, type: string) => number;

/** `condition` has no tags left in it (fold-expr.ts). */
export function compileMask(condition: RowExpr, fieldIndex: FieldIndex): RowMask {
  const evaluate = compileRow(condition, fieldIndex);
  return (batch) => maskOf(evaluate(batch), batch.rowCount);
}

function compileRow(expr: RowExpr, fieldIndex: FieldIndex): RowFunction {
  switch (expr.kind) {
    case 'field': {
      const index = fieldIndex(expr.name, expr.type);
      return (batch) => columnOperand(batch.columns[index]);
    }
    case 'binary':
      return compileBinary(expr, fieldIndex);
    case 'call': {
      const args = expr.args.map((arg) => compileRow(arg, fieldIndex));
      return (batch) =>
        evaluateCall(
          expr.name,
          args.map((arg) => arg(batch)),
          batch.rowCount,
        );
    }
    default: {
      invariant(expr.kind !== 'tag' && expr.kind !== 'measurement', 'tags are folded before rows');
      const scalar = scalarOf(expr);
      const operand: Operand = scalar && { kind: 'scalar', scalar };
      return () => operand;
    }
  }
}

function columnOperand(column: Column | undefined): Operand {
  return column && { kind: 'column', column };
}

function compileBinary(expr: RowExpr & { kind: 'binary' }, fieldIndex: FieldIndex): RowFunction {
  const { op } = expr;
  const left = compileRow(expr.left, fieldIndex);
  if (op === '=~' || op === '!~') {
    if (expr.right.kind !== 'regex') return () => undefined;
    const pattern = textPattern(expr.right.pattern);
    return (batch) => evaluateMatch(left(batch), pattern, op === '=~', batch.rowCount);
  }
  const right = compileRow(expr.right, fieldIndex);
  if (op === 'and' || op === 'or') {
    return (batch) => evaluateLogic(op, left(batch), right(batch), batch.rowCount);
  }
  if (isCompareOp(op)) {
    return (batch) =>
      maskOperand(evaluateComparison(op, left(batch), right(batch), batch.rowCount));
  }
  const arithmetic: ArithmeticOp = op;
  return (batch) => evaluateArithmetic(arithmetic, left(batch), right(batch), batch.rowCount);
}

function maskOperand(values: Uint8Array): Operand {
  return { kind: 'column', column: { type: 'boolean', values, valid: undefined } };
}

/** Rows where the operand is true. The caller may keep and change the array. */
function maskOf(operand: Operand, rowCount: number): Uint8Array {
  const mask = new Uint8Array(rowCount);
  if (operand?.kind === 'scalar') {
    if (operand.scalar.value === true) mask.fill(1);
  } else if (operand?.column.type === 'boolean') {
    mask.set(operand.column.values.subarray(0, rowCount));
    andMask(mask, operand.column.valid);
  }
  return mask;
}

/** A missing side is false; where a side has a value that is no boolean, the whole is false. */
function evaluateLogic(op: 'and' | 'or', left: Operand, right: Operand, rowCount: number): Operand {
  const mask = maskOf(left, rowCount);
  const other = maskOf(right, rowCount);
  if (op === 'and') andMask(mask, other);
  else orMask(mask, other);
  spoil(mask, left);
  spoil(mask, right);
  return maskOperand(mask);
}

function spoil(mask: Uint8Array, side: Operand): void {
  const type = typeOf(side);
  if (type === undefined || type === 'boolean') return;
  const valid = validOf(side);
  for (let row = 0; row < mask.length; row++) if (!valid || valid[row]) mask[row] = 0;
}

const mirrored = { '=': '=', '!=': '!=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;

function evaluateComparison(
  op: CompareOp,
  left: Operand,
  right: Operand,
  rowCount: number,
): Uint8Array {
  const mask = new Uint8Array(rowCount);
  if (!left || !right) return mask;
  const a = exactDoubles(left);
  const b = exactDoubles(right);
  if (typeof a === 'object' && typeof b === 'object') compareRows(op, a, b, mask);
  else if (typeof a === 'object' && b !== undefined) compareWithNumber(op, a, Number(b), mask);
  else if (a !== undefined && typeof b === 'object') {
    compareWithNumber(mirrored[op], b, Number(a), mask);
  } else if (!compareTexts(op, left, right, mask)) {
    for (let row = 0; row < rowCount; row++) {
      mask[row] = compareScalars(op, scalarAt(left, row), scalarAt(right, row)) ? 1 : 0;
    }
    return mask;
  }
  andMask(mask, validOf(left));
  andMask(mask, validOf(right));
  return mask;
}

/** A string column with one string, by dictionary entry; false = not that. */
function compareTexts(op: CompareOp, left: Operand, right: Operand, mask: Uint8Array): boolean {
  const [column, scalar] = left?.kind === 'column' ? [left, right] : [right, left];
  if (column?.kind !== 'column' || column.column.type !== 'string') return false;
  if (scalar?.kind !== 'scalar' || scalar.scalar.type !== 'string') return false;
  if (op !== '=' && op !== '!=') return true;
  const text = scalar.scalar.value;
  lookUp(column.column, (entry) => (entry === text) === (op === '='), mask);
  return true;
}

function lookUp(
  column: Column & { type: 'string' },
  passes: (entry: string) => boolean,
  mask: Uint8Array,
): void {
  const { codes, dictionary } = column;
  const table = new Uint8Array(dictionary.length);
  for (let code = 0; code < table.length; code++) table[code] = passes(dictionary[code]!) ? 1 : 0;
  for (let row = 0; row < mask.length; row++) mask[row] = table[codes[row]!]!;
}

function evaluateMatch(
  operand: Operand,
  pattern: TextPattern,
  wanted: boolean,
  rowCount: number,
): Operand {
  if (operand?.kind !== 'column' || operand.column.type !== 'string') return undefined;
  const mask = new Uint8Array(rowCount);
  lookUp(operand.column, (entry) => pattern.test(entry) === wanted, mask);
  andMask(mask, operand.column.valid);
  return maskOperand(mask);
}

function evaluateCall(name: string, args: readonly Operand[], rowCount: number): Operand {
  const [arg] = args;
  const type = typeOf(arg);
  if (!type) return undefined;
  const call = args.length === 1 ? unaryCall(name, type) : undefined;
  const values = exactDoubles(arg);
  const isPlain = type === 'float' || (name !== 'asin' && name !== 'acos');
  if (call && isPlain && typeof values === 'object') {
    const out = new Float64Array(rowCount);
    for (let row = 0; row < rowCount; row++) out[row] = call.apply(values[row]!);
    const column = { type: call.type, values: out, valid: validOf(arg) } as Column;
    return { kind: 'column', column };
  }
  const scalars = Array.from({ length: rowCount }, (_, row) =>
    applyCall(
      name,
      args.map((operand) => scalarAt(operand, row)),
    ),
  );
  const first = scalars.find((scalar) => scalar !== undefined);
  return first && { kind: 'column', column: columnOf(first.type, scalars) };
}
