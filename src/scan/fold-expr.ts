/**
 * What a series' tags leave of a condition: tags become strings, and everything that then has no
 * field in it becomes a literal. A condition that folds to false spares reading the series.
 */

import type { RowExpr } from '../model/plan.ts';
import { applyCall } from './math-call.ts';
import { textPattern } from './regex-cache.ts';
import {
  type ArithmeticOp,
  applyArithmetic,
  applyLogic,
  compareScalars,
  isCompareOp,
  type Scalar,
} from './scalar.ts';

/** What a tag is worth in the series; '' for a tag it lacks. */
export interface TagSource {
  readonly measurement: string;
  tag(key: string): string;
}

const nullExpr: RowExpr = { kind: 'null' };

export function foldExpr(expr: RowExpr, tags: TagSource): RowExpr {
  switch (expr.kind) {
    case 'tag':
      return { kind: 'string', value: tags.tag(expr.name) };
    case 'measurement':
      return { kind: 'string', value: tags.measurement };
    case 'binary':
      return foldBinary(expr, tags);
    case 'call': {
      const args = expr.args.map((arg) => foldExpr(arg, tags));
      if (!args.every(isLiteral)) return { ...expr, args };
      return literalOf(applyCall(expr.name, args.map(scalarOf)));
    }
    default:
      return expr;
  }
}

function foldBinary(expr: RowExpr & { kind: 'binary' }, tags: TagSource): RowExpr {
  const { op } = expr;
  const left = foldExpr(expr.left, tags);
  if (op === '=~' || op === '!~') return foldMatch(op, left, expr.right);
  const right = foldExpr(expr.right, tags);
  const isFixed = isLiteral(left) && isLiteral(right);
  if (op === 'and' || op === 'or') {
    if (isFixed) return literalOf(applyLogic(op, scalarOf(left), scalarOf(right)));
    return foldLogic(op, left, right) ?? { kind: 'binary', op, left, right };
  }
  if (!isFixed) return { kind: 'binary', op, left, right };
  if (isCompareOp(op)) {
    return { kind: 'boolean', value: compareScalars(op, scalarOf(left), scalarOf(right)) };
  }
  return literalOf(applyArithmetic(op as ArithmeticOp, scalarOf(left), scalarOf(right)));
}

function foldMatch(op: '=~' | '!~', left: RowExpr, right: RowExpr): RowExpr {
  if (right.kind !== 'regex') return nullExpr;
  if (left.kind === 'string') {
    const matches = textPattern(right.pattern).test(left.value);
    return { kind: 'boolean', value: matches === (op === '=~') };
  }
  return isLiteral(left) ? nullExpr : { kind: 'binary', op, left, right };
}

/** One side is a literal: false AND x, true OR x are decided; true AND x, false OR x are x. */
function foldLogic(op: 'and' | 'or', left: RowExpr, right: RowExpr): RowExpr | undefined {
  const literal = isLiteral(left) ? left : right;
  const other = literal === left ? right : left;
  if (!isLiteral(literal)) return undefined;
  if (literal.kind !== 'boolean' && literal.kind !== 'null')
    return { kind: 'boolean', value: false };
  const value = literal.kind === 'boolean' && literal.value;
  // Whatever the other side is: a value that is no boolean makes it false too.
  if (op === 'and' && !value) return { kind: 'boolean', value };
  if (op === 'or' && value) return isTruth(other) ? { kind: 'boolean', value } : undefined;
  return isCondition(other) ? other : undefined;
}

/** Whether it is true or false in every row, so that AND and OR take it as it is. */
function isCondition(expr: RowExpr): boolean {
  if (expr.kind !== 'binary') return false;
  return expr.op === 'and' || expr.op === 'or' || isCompareOp(expr.op);
}

/** Whether it is true, false or missing: a match of what is no string, and a field, may be missing. */
function isTruth(expr: RowExpr): boolean {
  if (expr.kind === 'field') return expr.type === 'boolean';
  if (expr.kind === 'binary' && (expr.op === '=~' || expr.op === '!~')) return true;
  return isCondition(expr);
}

function isLiteral(expr: RowExpr): boolean {
  switch (expr.kind) {
    case 'float':
    case 'integer':
    case 'unsigned':
    case 'string':
    case 'boolean':
    case 'null':
    case 'regex':
      return true;
    default:
      return false;
  }
}

/** Of a literal; a regex outside of a match has no value. */
export function scalarOf(expr: RowExpr): Scalar | undefined {
  switch (expr.kind) {
    case 'float':
      return { type: 'float', value: expr.value };
    case 'integer':
    case 'unsigned':
      return { type: expr.kind, value: expr.value };
    case 'string':
      return { type: 'string', value: expr.value };
    case 'boolean':
      return { type: 'boolean', value: expr.value };
    default:
      return undefined;
  }
}

function literalOf(scalar: Scalar | undefined): RowExpr {
  if (!scalar) return nullExpr;
  switch (scalar.type) {
    case 'float':
      return { kind: 'float', value: scalar.value };
    case 'integer':
    case 'unsigned':
      return { kind: scalar.type, value: scalar.value };
    case 'string':
      return { kind: 'string', value: scalar.value };
    case 'boolean':
      return { kind: 'boolean', value: scalar.value };
  }
}
