/**
 * A SELECT checked and taken apart, before anything is known of the schema: the range of time, the
 * row condition, the windows, which functions are called. Wildcards are still there.
 */

import { maxTime, minTime, type TimeRange } from '../model/time.ts';
import type { Call, Expr, Field, Measurement, SelectStatement } from './ast.ts';
import { distinctCall } from './check-arguments.ts';
import { checkExpr } from './check-expr.ts';
import { type CheckState, fail } from './check-state.ts';
import { intersectBounds, splitCondition } from './condition.ts';
import { checkDimensions, type Interval } from './dimensions.ts';
import { isMathFunction } from './math-functions.ts';
import { printExpr } from './print-expr.ts';
import { reduceExpr } from './reduce.ts';
import { isAscending } from './select-shape.ts';

export interface CompiledSelect {
  readonly kind: 'compiled-select';
  /** As parsed. */
  readonly statement: SelectStatement;
  /** Constants reduced, `DISTINCT x` made a call, `time` taken out. */
  readonly fields: readonly Field[];
  /** Name of the time column. */
  readonly timeName: string;
  readonly sources: readonly (Measurement | CompiledSelect)[];
  /** Without time; undefined = every row. */
  readonly condition: Expr | undefined;
  readonly range: TimeRange;
  /** Is there a lower bound in WHERE, of this query or of one around it? */
  readonly hasMinTime: boolean;
  /** References, wildcards and regular expressions; time() is in `interval`. */
  readonly dimensions: readonly Expr[];
  readonly interval: Interval;
  /** The interval is that of the query around. */
  readonly inheritedInterval: boolean;
  readonly fill: SelectStatement['fill'];
  readonly ascending: boolean;
  /** All calls but the mathematical ones; those inside others come after them. */
  readonly calls: readonly Call[];
  /** Each call is a selector: columns beside it come from the selected row. */
  readonly onlySelectors: boolean;
  /** Windows before the range that transformations have to see. */
  readonly extraIntervals: number;
}

export interface CompileOptions {
  readonly nowNs: bigint;
}

/** @throws CitadelError `invalid-argument` with influxd's message. */
export function compileSelect(select: SelectStatement, options: CompileOptions): CompiledSelect {
  return checkPrepared(preprocess(select, options), options);
}

/** The parts that do not depend on the query around. */
interface Prepared {
  readonly select: SelectStatement;
  readonly condition: Expr | undefined;
  readonly min: bigint | undefined;
  readonly max: bigint | undefined;
  readonly dimensions: readonly Expr[];
  readonly interval: Interval;
  readonly inheritedInterval: boolean;
  readonly fill: SelectStatement['fill'];
  readonly ascending: boolean;
}

function preprocess(select: SelectStatement, { nowNs }: CompileOptions): Prepared {
  const { zone } = select;
  const { condition, bounds } = splitCondition(select.condition, { nowNs, zone });
  if (condition !== undefined) checkCondition(condition);
  const { dimensions, interval } = checkDimensions(select.dimensions, nowNs, zone);
  // Windows without an end would be built up to the end of time.
  const defaultMax = interval.ns === 0n ? undefined : nowNs;
  return {
    select,
    condition,
    min: bounds.min,
    max: bounds.max ?? defaultMax,
    dimensions: dimensions.filter((dimension) => dimension.kind !== 'call'),
    interval,
    inheritedInterval: false,
    fill: select.fill,
    ascending: isAscending(select),
  };
}

/** Only mathematical functions may be called in WHERE; parts in parentheses are taken as they are. */
function checkCondition(expr: Expr): void {
  if (expr.kind === 'binary') {
    checkCondition(expr.left);
    checkCondition(expr.right);
    return;
  }
  if (expr.kind !== 'call') return;
  const { name, args } = expr;
  if (!isMathFunction(name)) {
    throw fail(`invalid function call in condition: ${printExpr(expr)}`);
  }
  const count = name === 'atan2' || name === 'pow' ? 2 : 1;
  if (args.length !== count) {
    throw fail(`invalid number of arguments for ${name}, expected ${count}, got ${args.length}`);
  }
  for (const arg of args) checkCondition(arg);
}

function isTimeRef({ expr }: Field): boolean {
  return expr.kind === 'var-ref' && expr.name === 'time';
}

function checkPrepared(prepared: Prepared, options: CompileOptions): CompiledSelect {
  const { select } = prepared;
  const state: CheckState = {
    intervalNs: prepared.interval.ns,
    inheritedInterval: prepared.inheritedInterval,
    limit: select.limit,
    hasTarget: select.target !== undefined,
    calls: [],
    onlySelectors: true,
    hasDistinct: false,
    hasAuxiliary: false,
    topBottom: '',
    extraIntervals: 0,
    fieldCount: 0,
  };
  const fields = select.fields
    .filter((field) => !isTimeRef(field))
    .map((field) => checkField(state, field));
  checkFields(state, prepared.fill);
  const timeAlias = select.fields.findLast((field) => isTimeRef(field) && field.alias !== '');
  return {
    kind: 'compiled-select',
    statement: select,
    fields: fields.filter((field) => !isTimeRef(field)),
    timeName: timeAlias?.alias ?? 'time',
    sources: checkSources(prepared, options),
    condition: prepared.condition,
    range: { min: prepared.min ?? minTime, max: prepared.max ?? maxTime },
    hasMinTime: prepared.min !== undefined,
    dimensions: prepared.dimensions,
    interval: prepared.interval,
    inheritedInterval: prepared.inheritedInterval,
    fill: prepared.fill,
    ascending: prepared.ascending,
    calls: state.calls,
    onlySelectors: state.onlySelectors,
    extraIntervals: state.extraIntervals,
  };
}

function checkField(state: CheckState, { expr, alias }: Field): Field {
  const reduced = reduceExpr(expr, { math: true });
  state.fieldCount++;
  checkExpr({ select: state, allowWildcard: true, checkExpr }, reduced);
  return { expr: rewriteDistinct(reduced), alias };
}

/** `DISTINCT x` as a field or an argument becomes `distinct(x)`. */
function rewriteDistinct(expr: Expr): Expr {
  switch (expr.kind) {
    case 'distinct':
      return distinctCall(expr.name);
    case 'call':
      return { ...expr, args: expr.args.map(rewriteDistinct) };
    case 'paren':
      return { ...expr, expr: rewriteDistinct(expr.expr) };
    case 'binary':
      return { ...expr, left: rewriteDistinct(expr.left), right: rewriteDistinct(expr.right) };
    default:
      return expr;
  }
}

/** Do the fields go together? */
function checkFields(state: CheckState, fill: SelectStatement['fill']): void {
  const callCount = state.calls.length;
  if (state.fieldCount === 0) throw fail('at least 1 non-time field must be queried');
  if (callCount > 1 && state.topBottom !== '') {
    throw fail(`selector function ${state.topBottom}() cannot be combined with other functions`);
  }
  if (callCount === 0) {
    if (fill.kind === 'none' || fill.kind === 'linear') {
      throw fail(`fill(${fill.kind}) must be used with a function`);
    }
    if (state.intervalNs !== 0n && !state.inheritedInterval) {
      throw fail('GROUP BY requires at least one aggregate function');
    }
  }
  if (state.hasDistinct && (callCount !== 1 || state.hasAuxiliary)) {
    throw fail('aggregate function distinct() cannot be combined with other functions or fields');
  }
  if (!state.hasAuxiliary) return;
  if (!state.onlySelectors) {
    throw fail('mixing aggregate and non-aggregate queries is not supported');
  }
  if (callCount > 1) {
    throw fail('mixing multiple selector functions with tags or fields is not supported');
  }
}

function checkSources(outer: Prepared, options: CompileOptions) {
  return outer.select.sources.map((source) =>
    source.kind === 'measurement'
      ? source
      : checkPrepared(inherit(preprocess(source.statement, options), outer), options),
  );
}

/** What a subquery takes from the query around it. */
function inherit(inner: Prepared, outer: Prepared): Prepared {
  if (inner.select.sortFields.length > 0 && inner.ascending !== outer.ascending) {
    throw fail('subqueries must be ordered in the same direction as the query itself');
  }
  const hasInterval = inner.interval.ns !== 0n;
  const inheritsInterval = !hasInterval && outer.interval.ns !== 0n;
  return {
    ...inner,
    ...intersectBounds(inner, outer),
    ascending: outer.ascending,
    fill: hasInterval && inner.fill.kind === 'null' ? { kind: 'none' } : inner.fill,
    interval: inheritsInterval ? outer.interval : inner.interval,
    inheritedInterval: inheritsInterval,
  };
}
