/**
 * Arithmetic over the rows of a batch. Doubles and safe integers by loops; an integer result that
 * leaves the safe range, 64-bit words, unsigned values and bits go row by row through scalar.ts.
 */

import type { Column } from '../model/column.ts';
import { columnOf, exactDoubles, type Operand, scalarAt, typeOf, validOf } from './operand.ts';
import { type ArithmeticOp, applyArithmetic, applyFloat, arithmeticType } from './scalar.ts';

export function evaluateArithmetic(
  op: ArithmeticOp,
  left: Operand,
  right: Operand,
  rowCount: number,
): Operand {
  const leftType = typeOf(left);
  const rightType = typeOf(right);
  const type = leftType && rightType && arithmeticType(op, leftType, rightType);
  if (!type) return undefined;
  const fast = evaluateDoubles(op, type, left, right, rowCount);
  if (fast) return { kind: 'column', column: fast };
  const scalars = Array.from({ length: rowCount }, (_, row) =>
    applyArithmetic(op, scalarAt(left, row), scalarAt(right, row)),
  );
  return { kind: 'column', column: columnOf(type, scalars) };
}

function evaluateDoubles(
  op: ArithmeticOp,
  type: Column['type'],
  left: Operand,
  right: Operand,
  rowCount: number,
): Column | undefined {
  const isBitwise = op === '&' || op === '|' || op === '^';
  if (isBitwise || (type !== 'float' && type !== 'integer')) return undefined;
  const a = exactDoubles(left);
  const b = exactDoubles(right);
  if (a === undefined || b === undefined) return undefined;
  const out = new Float64Array(rowCount);
  combine(op, spread(a, rowCount), spread(b, rowCount), out);
  const valid = intersect(validOf(left), validOf(right));
  if (type === 'float') return { type, values: out, valid };
  return settleIntegers(out) ? { type, values: out, valid } : undefined;
}

function spread(values: Float64Array | number, rowCount: number): Float64Array {
  return typeof values === 'number' ? new Float64Array(rowCount).fill(values) : values;
}

function combine(op: ArithmeticOp, a: Float64Array, b: Float64Array, out: Float64Array): void {
  switch (op) {
    case '+':
      for (let i = 0; i < out.length; i++) out[i] = a[i]! + b[i]!;
      return;
    case '-':
      for (let i = 0; i < out.length; i++) out[i] = a[i]! - b[i]!;
      return;
    case '*':
      for (let i = 0; i < out.length; i++) out[i] = a[i]! * b[i]!;
      return;
    default:
      for (let i = 0; i < out.length; i++) out[i] = applyFloat(op, a[i]!, b[i]!);
  }
}

/** Makes integers of doubles (no -0, and x % 0 = 0); false when one is not exact. */
function settleIntegers(values: Float64Array): boolean {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const magnitude = Math.abs(value);
    if (magnitude > most) most = magnitude;
    values[i] = Number.isNaN(value) ? 0 : value + 0;
  }
  return most <= Number.MAX_SAFE_INTEGER;
}

function intersect(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  if (!a || !b) return a ?? b;
  const out = new Uint8Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i]! & b[i]!;
  return out;
}
