/** One expression of the field list: what may stand where. */

import type { Call, Expr } from './ast.ts';
import { checkBareDistinct, distinctCall } from './check-arguments.ts';
import { checkCall } from './check-functions.ts';
import { type FieldState, fail } from './check-state.ts';
import { isLiteral } from './go-types.ts';
import { isMathFunction, mathArgumentCount } from './math-functions.ts';

/** @throws CitadelError `invalid-argument` with influxd's message. */
export function checkExpr(field: FieldState, expr: Expr): void {
  const { select } = field;
  switch (expr.kind) {
    case 'var-ref':
      select.hasAuxiliary = true;
      return;
    case 'wildcard':
      select.hasAuxiliary = true;
      if (!field.allowWildcard) throw fail('unable to use wildcard in a binary expression');
      return;
    case 'regex':
      if (!field.allowWildcard) throw fail('unable to use regex in a binary expression');
      select.hasAuxiliary = true;
      return;
    case 'call':
      if (isMathFunction(expr.name)) checkMath(field, expr);
      else {
        select.calls.push(expr);
        checkCall(field, expr);
      }
      return;
    case 'distinct':
      select.calls.push(distinctCall(expr.name));
      checkBareDistinct(field, expr.name, false);
      return;
    case 'binary':
      checkBinary(field, expr.left, expr.right);
      return;
    case 'paren':
      checkExpr(field, expr.expr);
      return;
    default:
      throw fail('field must contain at least one variable');
  }
}

function checkBinary(field: FieldState, left: Expr, right: Expr): void {
  field.allowWildcard = false;
  if (isLiteral(left) && isLiteral(right)) {
    throw fail('cannot perform a binary expression on two literals');
  }
  if (!isLiteral(left)) checkExpr(field, left);
  if (!isLiteral(right)) checkExpr(field, right);
}

function checkMath(field: FieldState, { name, args }: Call): void {
  const count = mathArgumentCount(name);
  if (args.length !== count) {
    throw fail(`invalid number of arguments for ${name}, expected ${count}, got ${args.length}`);
  }
  for (const arg of args) if (!isLiteral(arg)) checkExpr(field, arg);
}
