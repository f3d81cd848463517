/** WHERE without its times, for one table: names resolved to fields and tags. */

import type { Expr, VarRef } from '../../influxql/ast.ts';
import type { BinaryOp, RowExpr } from '../../model/plan.ts';
import { invalid } from '../query-context.ts';

export interface ConditionScope {
  /** What a name means here. */
  readonly resolve: (ref: VarRef) => RowExpr;
}

const orderings: ReadonlySet<string> = new Set(['<', '<=', '>', '>=']);
const comparisons: ReadonlySet<string> = new Set(['=', '!=', '=~', '!~', ...orderings]);

function operatorOf(op: string): BinaryOp {
  if (op === 'AND') return 'and';
  if (op === 'OR') return 'or';
  return op as BinaryOp;
}

function isText(expr: RowExpr): boolean {
  if (expr.kind === 'field') return expr.type === 'string';
  return expr.kind === 'tag' || expr.kind === 'measurement' || expr.kind === 'string';
}

/**
 * Comparisons that InfluxDB decides without looking at values: tags are never equal to one another
 * (`host = "a"`, the classic mistake), and texts have no order.
 */
function decidedComparison(op: string, left: RowExpr, right: RowExpr): boolean | undefined {
  if (left.kind === 'tag' && right.kind === 'tag' && comparisons.has(op)) return op === '!=';
  if (orderings.has(op) && (isText(left) || isText(right))) return false;
  return undefined;
}

/** @throws CitadelError `invalid-argument` for what cannot stand in a condition. */
export function toRowExpr(expr: Expr, scope: ConditionScope): RowExpr {
  switch (expr.kind) {
    case 'paren':
      return toRowExpr(expr.expr, scope);
    case 'var-ref':
      return scope.resolve(expr);
    case 'number':
      return { kind: 'float', value: expr.value };
    case 'integer':
    case 'unsigned':
      return { kind: expr.kind, value: expr.value };
    case 'duration':
    case 'time':
      return { kind: 'integer', value: expr.ns };
    case 'string':
      return { kind: 'string', value: expr.value };
    case 'boolean':
      return { kind: 'boolean', value: expr.value };
    case 'regex':
      return { kind: 'regex', pattern: expr.pattern };
    case 'nil':
      return { kind: 'null' };
    case 'call':
      return { kind: 'call', name: expr.name, args: expr.args.map((arg) => toRowExpr(arg, scope)) };
    case 'binary': {
      const left = toRowExpr(expr.left, scope);
      const right = toRowExpr(expr.right, scope);
      const { op } = expr;
      const decided = decidedComparison(op, left, right);
      if (decided !== undefined) return { kind: 'boolean', value: decided };
      return { kind: 'binary', op: operatorOf(op), left, right };
    }
    default:
      throw invalid(`invalid condition expression: ${expr.kind}`);
  }
}
