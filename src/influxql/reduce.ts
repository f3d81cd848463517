/** Constant parts of an expression replaced by their values. The input is never changed. */

import type { BinaryExpr, BinaryOp, Call, Expr } from './ast.ts';
import { foldBinary } from './fold-binary.ts';
import { isLiteral } from './go-types.ts';
import { foldMathCall } from './math-functions.ts';

/** What may be evaluated; everything is optional. */
export interface Knowledge {
  /** Value of now(), ns. */
  readonly nowNs?: bigint;
  /** Where time strings without an offset are. */
  readonly zone?: string | undefined;
  /** Evaluate mathematical functions of constants. */
  readonly math?: boolean;
}

export function reduceExpr(expr: Expr, knowledge: Knowledge): Expr {
  const reduced = reduceInner(expr, knowledge);
  return reduced.kind === 'paren' ? reduced.expr : reduced;
}

/** Like `reduceExpr`, but outer parentheses stay. */
export function reduceInner(expr: Expr, knowledge: Knowledge): Expr {
  switch (expr.kind) {
    case 'binary':
      return reduceBinary(expr, knowledge);
    case 'call':
      return reduceCall(expr, knowledge);
    case 'paren': {
      const inner = reduceInner(expr.expr, knowledge);
      return inner.kind === 'binary' ? { kind: 'paren', expr: inner } : inner;
    }
    default:
      return expr;
  }
}

function reduceBinary(expr: BinaryExpr, knowledge: Knowledge): Expr {
  const left = reduceInner(expr.left, knowledge);
  const right = reduceInner(expr.right, knowledge);
  return joinReduced(expr.op, left, right, knowledge.zone);
}

/** `left op right` of two reduced expressions. */
export function joinReduced(op: BinaryOp, left: Expr, right: Expr, zone: string | undefined): Expr {
  if (op === 'AND' || op === 'OR') {
    const deciding = op === 'OR';
    if (isBoolean(left, deciding) || isBoolean(right, deciding)) {
      return { kind: 'boolean', value: deciding };
    }
    if (isBoolean(left, !deciding)) return right;
    if (isBoolean(right, !deciding)) return left;
  }
  return foldBinary(op, left, right, zone) ?? { kind: 'binary', op, left, right };
}

function isBoolean(expr: Expr, value: boolean): boolean {
  return expr.kind === 'boolean' && expr.value === value;
}

function reduceCall(call: Call, knowledge: Knowledge): Expr {
  const { nowNs, math } = knowledge;
  const args = call.args.map((arg) => reduceInner(arg, knowledge));
  if (args.every(isLiteral)) {
    if (nowNs !== undefined && call.name === 'now' && args.length === 0) {
      return { kind: 'time', ns: nowNs };
    }
    const value = math === true ? foldMathCall(call.name, args) : undefined;
    if (value !== undefined) return value;
  }
  return { kind: 'call', name: call.name, args };
}
