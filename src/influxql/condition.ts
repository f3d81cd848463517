/**
 * WHERE taken apart: the range of time, and what is left to ask of each row.
 *
 * Comparisons with `time` are pulled out from anywhere and their ranges intersected, even under OR:
 * that is how InfluxDB reads them.
 */

import { CitadelError } from '../base/errors.ts';
import { maxTime, minTime } from '../model/time.ts';
import type { BinaryOp, Expr } from './ast.ts';
import { floatToInt64 } from './fold-binary.ts';
import { nodeTypeName } from './go-types.ts';
import { printExpr } from './print-expr.ts';
import { joinReduced, type Knowledge, reduceExpr, reduceInner } from './reduce.ts';
import { formatTime, looksLikeTime, parseTimeText } from './time-text.ts';

/** Inclusive bounds in ns; undefined = none on that side. May reach beyond int64. */
export interface TimeBounds {
  readonly min: bigint | undefined;
  readonly max: bigint | undefined;
}

export interface SplitCondition {
  /** Without time, constants reduced; undefined = every row. */
  readonly condition: Expr | undefined;
  readonly bounds: TimeBounds;
}

const unbounded: TimeBounds = { min: undefined, max: undefined };

function fail(message: string): CitadelError {
  return new CitadelError('invalid-argument', message);
}

/**
 * @throws CitadelError `invalid-argument` with influxd's message, for a time that cannot be read, an
 * operator that times do not have, or a condition that is no comparison.
 */
export function splitCondition(expr: Expr | undefined, knowledge: Knowledge): SplitCondition {
  if (expr === undefined) return { condition: undefined, bounds: unbounded };
  const { condition, bounds } = split(expr, knowledge);
  const bare = condition?.kind === 'paren' ? condition.expr : condition;
  const isTrue = bare?.kind === 'boolean' && bare.value;
  return { condition: isTrue ? undefined : bare, bounds };
}

function split(expr: Expr, knowledge: Knowledge): SplitCondition {
  switch (expr.kind) {
    case 'binary':
      if (expr.op === 'AND' || expr.op === 'OR') {
        return joinSplit(expr.op, split(expr.left, knowledge), split(expr.right, knowledge));
      }
      if (isTime(expr.left)) {
        const bounds = readTimeBounds(expr.op, expr.right, knowledge);
        return { condition: undefined, bounds };
      }
      if (isTime(expr.right)) {
        const bounds = readTimeBounds(mirrorOp(expr.op), expr.left, knowledge);
        return { condition: undefined, bounds };
      }
      return { condition: reduceInner(expr, knowledge), bounds: unbounded };
    case 'paren': {
      const { condition, bounds } = split(expr.expr, knowledge);
      if (condition === undefined) return { condition, bounds };
      return { condition: reduceInner({ kind: 'paren', expr: condition }, {}), bounds };
    }
    case 'boolean':
      return { condition: expr, bounds: unbounded };
    default:
      throw fail(`invalid condition expression: ${printExpr(expr)}`);
  }
}

function joinSplit(op: 'AND' | 'OR', left: SplitCondition, right: SplitCondition): SplitCondition {
  const bounds = intersectBounds(left.bounds, right.bounds);
  if (right.condition === undefined) return { condition: left.condition, bounds };
  if (left.condition === undefined) return { condition: right.condition, bounds };
  // Both sides are reduced already; only their join is new.
  return { condition: joinReduced(op, left.condition, right.condition, undefined), bounds };
}

function isTime(expr: Expr): boolean {
  return expr.kind === 'var-ref' && expr.name.toLowerCase() === 'time';
}

function mirrorOp(op: BinaryOp): BinaryOp {
  switch (op) {
    case '>':
      return '<';
    case '<':
      return '>';
    case '>=':
      return '<=';
    case '<=':
      return '>=';
    default:
      return op;
  }
}

export function intersectBounds(left: TimeBounds, right: TimeBounds): TimeBounds {
  const min = pick(left.min, right.min, (a, b) => (a > b ? a : b));
  const max = pick(left.max, right.max, (a, b) => (a < b ? a : b));
  return { min, max };
}

function pick(
  left: bigint | undefined,
  right: bigint | undefined,
  choose: (left: bigint, right: bigint) => bigint,
): bigint | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return choose(left, right);
}

/** The bounds that `time op expr` sets. */
function readTimeBounds(op: BinaryOp, expr: Expr, knowledge: Knowledge): TimeBounds {
  const ns = readTime(expr, knowledge);
  switch (op) {
    case '>':
      return { min: ns + 1n, max: undefined };
    case '>=':
      return { min: ns, max: undefined };
    case '<':
      return { min: undefined, max: ns - 1n };
    case '<=':
      return { min: undefined, max: ns };
    case '=':
      return { min: ns, max: ns };
    default:
      throw fail(`invalid time comparison operator: ${op}`);
  }
}

function readTime(expr: Expr, knowledge: Knowledge): bigint {
  const value = reduceExpr(readTimeString(expr, knowledge.zone), knowledge);
  switch (value.kind) {
    case 'time':
      checkTimeRange(value.ns, expr.kind === 'string' ? knowledge.zone : undefined);
      return value.ns;
    case 'duration':
      return value.ns;
    case 'number':
      return floatToInt64(value.value);
    case 'integer':
      return value.value;
    default:
      throw fail(`invalid operation: time and ${nodeTypeName(value)} are not compatible`);
  }
}

function readTimeString(expr: Expr, zone: string | undefined): Expr {
  if (expr.kind !== 'string' || !looksLikeTime(expr.value)) return expr;
  const ns = parseTimeText(expr.value, zone);
  if (ns === undefined) throw fail('invalid timestamp string');
  return { kind: 'time', ns };
}

function checkTimeRange(ns: bigint, zone: string | undefined): void {
  if (ns <= maxTime && ns > minTime) return;
  const second = ns - (((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n);
  const direction = ns > maxTime ? 'overflows' : 'underflows';
  throw fail(`time ${formatTime(second, zone)} ${direction} time literal`);
}
