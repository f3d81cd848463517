/**
 * SHOW MEASUREMENTS ... WHERE: each comparison selects measurements, AND and OR combine the sets.
 *
 * A measurement without the tag passes no comparison, not even `!=`; with it, `!=` and `!~` ask that
 * no series at all has such a value. That is not what WHERE means for series, but InfluxDB's rule.
 */

import type { BinaryExpr, Expr } from '../../influxql/ast.ts';
import { printExpr } from '../../influxql/print-expr.ts';
import type { RowExpr } from '../../model/plan.ts';
import { invalid } from '../query-context.ts';

/** Measurements with a series that passes the condition. */
export type AskMeasurements = (where: RowExpr | undefined) => Promise<readonly string[]>;

type Names = ReadonlySet<string>;

export async function selectMeasurements(expr: Expr, ask: AskMeasurements): Promise<Names> {
  if (expr.kind === 'paren') return selectMeasurements(expr.expr, ask);
  if (expr.kind !== 'binary') throw invalid(`invalid condition expression: ${printExpr(expr)}`);
  switch (expr.op) {
    case 'AND':
    case 'OR': {
      const left = await selectMeasurements(expr.left, ask);
      const right = await selectMeasurements(expr.right, ask);
      if (expr.op === 'OR') return new Set([...left, ...right]);
      return new Set([...left].filter((name) => right.has(name)));
    }
    case '=':
    case '!=':
    case '=~':
    case '!~':
      return compareTag(expr, ask);
    default:
      throw invalid('invalid tag comparison operator');
  }
}

async function compareTag(expr: BinaryExpr, ask: AskMeasurements): Promise<Names> {
  if (expr.left.kind !== 'var-ref') {
    throw invalid(`left side of '${expr.op}' must be a tag key`);
  }
  const { name } = expr.left;
  const comparison = comparisonOf(
    expr,
    name === '_name' ? { kind: 'measurement' } : { kind: 'tag', name },
  );
  const isNegated = expr.op === '!=' || expr.op === '!~';
  if (name === '_name') {
    return new Set(await ask(isNegated ? negate(comparison) : comparison));
  }
  const hasTag: RowExpr = {
    kind: 'binary',
    op: '!=',
    left: { kind: 'tag', name },
    right: { kind: 'string', value: '' },
  };
  const matching = await ask({ kind: 'binary', op: 'and', left: hasTag, right: comparison });
  if (!isNegated) return new Set(matching);
  const matched = new Set(matching);
  return new Set((await ask(hasTag)).filter((measurement) => !matched.has(measurement)));
}

/** The comparison without its negation. */
function comparisonOf({ op, right }: BinaryExpr, left: RowExpr): RowExpr {
  if (op === '=~' || op === '!~') {
    if (right.kind !== 'regex') throw invalid(`right side of '${op}' must be a regular expression`);
    return { kind: 'binary', op: '=~', left, right: { kind: 'regex', pattern: right.pattern } };
  }
  if (right.kind !== 'string') throw invalid(`right side of '${op}' must be a tag value string`);
  return { kind: 'binary', op: '=', left, right: { kind: 'string', value: right.value } };
}

function negate(comparison: RowExpr): RowExpr {
  if (comparison.kind !== 'binary') return comparison;
  return { ...comparison, op: comparison.op === '=' ? '!=' : '!~' };
}
