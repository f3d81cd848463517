/** What kind of SELECT this is, and how its parts are walked. */

import type { Expr, SelectStatement } from './ast.ts';

/** Calls `visit` for the expression and all inside it, outer ones first, left before right. */
export function walkExpr(expr: Expr, visit: (expr: Expr) => void): void {
  visit(expr);
  switch (expr.kind) {
    case 'binary':
      walkExpr(expr.left, visit);
      walkExpr(expr.right, visit);
      break;
    case 'paren':
      walkExpr(expr.expr, visit);
      break;
    case 'call':
      for (const arg of expr.args) walkExpr(arg, visit);
      break;
    default:
  }
}

export function someExpr(expr: Expr, test: (expr: Expr) => boolean): boolean {
  if (test(expr)) return true;
  switch (expr.kind) {
    case 'binary':
      return someExpr(expr.left, test) || someExpr(expr.right, test);
    case 'paren':
      return someExpr(expr.expr, test);
    case 'call':
      return expr.args.some((arg) => someExpr(arg, test));
    default:
      return false;
  }
}

/** No call anywhere in the field list (a bare `DISTINCT x` is none). */
export function isRawQuery(select: SelectStatement): boolean {
  return !select.fields.some((field) => someExpr(field.expr, (expr) => expr.kind === 'call'));
}

export function isAscending(select: SelectStatement): boolean {
  return select.sortFields[0]?.ascending ?? true;
}
