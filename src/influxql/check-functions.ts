/**
 * Which arguments each function takes, with influxd's messages. All functions of InfluxDB 1.8 are
 * known here, whether or not the engine runs them yet.
 */

import type { Call, Expr } from './ast.ts';
import {
  checkBareDistinct,
  checkCount,
  checkDistinct,
  checkNested,
  checkSymbol,
  checkTransformation,
} from './check-arguments.ts';
import { type FieldState, fail } from './check-state.ts';
import { checkTechnical, isTechnical } from './check-technical.ts';
import { formatDuration } from './duration.ts';
import { nodeTypeName } from './go-types.ts';
import { printExpr } from './print-expr.ts';

/** A call of anything but a mathematical function. */
export function checkCall(field: FieldState, call: Call): void {
  const { name, args } = call;
  switch (name) {
    case 'percentile':
      checkPercentile(field, args);
      break;
    case 'sample':
      checkSample(field, args);
      break;
    case 'distinct':
      checkDistinct(field, args, false);
      break;
    case 'top':
    case 'bottom':
      checkTopBottom(field, call);
      break;
    case 'derivative':
    case 'non_negative_derivative':
    case 'elapsed':
      checkWithUnit(field, call);
      break;
    case 'difference':
    case 'non_negative_difference':
    case 'cumulative_sum':
      checkCount(args.length === 1, name, '1', args.length);
      checkTransformation(field, call, 1);
      break;
    case 'moving_average':
      checkMovingAverage(field, call);
      break;
    case 'integral':
      checkIntegral(field, args);
      break;
    case 'holt_winters':
    case 'holt_winters_with_fit':
      checkHoltWinters(field, call);
      break;
    default:
      if (isTechnical(name)) checkTechnical(field, call);
      else checkSimple(field, call);
  }
}

function checkSimple(field: FieldState, { name, args }: Call): void {
  switch (name) {
    case 'max':
    case 'min':
    case 'first':
    case 'last':
      break;
    case 'count':
    case 'sum':
    case 'mean':
    case 'median':
    case 'mode':
    case 'stddev':
    case 'spread':
      field.select.onlySelectors = false;
      break;
    default:
      throw fail(`undefined function ${name}()`);
  }
  const [arg] = args;
  checkCount(args.length === 1, name, '1', args.length);
  if (arg === undefined) return;
  if (name === 'count' && arg.kind === 'call' && arg.name === 'distinct') {
    checkDistinct(field, arg.args, true);
  } else if (name === 'count' && arg.kind === 'distinct') {
    checkBareDistinct(field, arg.name, true);
  } else checkSymbol(field, name, arg);
}

function checkPercentile(field: FieldState, args: readonly Expr[]): void {
  const [arg, percent] = args;
  checkCount(args.length === 2, 'percentile', '2', args.length);
  if (arg === undefined || (percent?.kind !== 'integer' && percent?.kind !== 'number')) {
    throw fail('expected float argument in percentile()');
  }
  checkSymbol(field, 'percentile', arg);
}

function checkSample(field: FieldState, args: readonly Expr[]): void {
  const [arg, size] = args;
  checkCount(args.length === 2, 'sample', '2', args.length);
  if (arg === undefined || size?.kind !== 'integer') {
    throw fail('expected integer argument in sample()');
  }
  if (size.value <= 0n) throw fail(`sample window must be greater than 1, got ${size.value}`);
  checkSymbol(field, 'sample', arg);
}

function checkUnitRange(unit: bigint): void {
  if (unit > 0n) return;
  throw fail(`duration argument must be positive, got ${formatDuration(unit)}`);
}

/** derivative and elapsed: a unit may follow. */
function checkWithUnit(field: FieldState, call: Call): void {
  const { name, args } = call;
  const fits = args.length === 1 || args.length === 2;
  checkCount(fits, name, 'at least 1 but no more than 2', args.length);
  const [, unit] = args;
  if (unit?.kind === 'duration') checkUnitRange(unit.ns);
  else if (unit !== undefined) {
    throw fail(`second argument to ${name} must be a duration, got ${nodeTypeName(unit)}`);
  }
  checkTransformation(field, call, 1);
}

function checkMovingAverage(field: FieldState, call: Call): void {
  const { args } = call;
  const [, size] = args;
  checkCount(args.length === 2, 'moving_average', '2', args.length);
  if (size === undefined) return;
  if (size.kind !== 'integer') {
    const got = nodeTypeName(size);
    throw fail(`second argument for moving_average must be an integer, got ${got}`);
  }
  if (size.value <= 1n) {
    throw fail(`moving_average window must be greater than 1, got ${size.value}`);
  }
  checkTransformation(field, call, Number(size.value));
}

function checkIntegral(field: FieldState, args: readonly Expr[]): void {
  const [arg, unit] = args;
  const fits = args.length === 1 || args.length === 2;
  checkCount(fits, 'integral', 'at least 1 but no more than 2', args.length);
  if (unit?.kind === 'duration') checkUnitRange(unit.ns);
  else if (unit !== undefined) throw fail('second argument must be a duration');
  field.select.onlySelectors = false;
  if (arg !== undefined) checkSymbol(field, 'integral', arg);
}

function checkHoltWinters(field: FieldState, { name, args }: Call): void {
  const [arg, count, season] = args;
  checkCount(args.length === 3, name, '3', args.length);
  if (count?.kind !== 'integer') throw fail(`expected integer argument as second arg in ${name}`);
  if (count.value <= 0n) {
    throw fail(`second arg to ${name} must be greater than 0, got ${count.value}`);
  }
  if (season?.kind !== 'integer') throw fail(`expected integer argument as third arg in ${name}`);
  if (season.value < 0n) throw fail(`third arg to ${name} cannot be negative, got ${season.value}`);
  field.select.onlySelectors = false;
  if (arg?.kind !== 'call') throw fail(`must use aggregate function with ${name}`);
  if (field.select.intervalNs === 0n) {
    throw fail(`${name} aggregate requires a GROUP BY interval`);
  }
  checkNested(field, arg);
}

function checkTopBottom(field: FieldState, { name, args }: Call): void {
  const { select } = field;
  if (select.topBottom !== '') {
    throw fail(`selector function ${select.topBottom}() cannot be combined with other functions`);
  }
  checkCount(args.length >= 2, name, 'at least 2', args.length);
  const [first] = args;
  const count = args.at(-1);
  if (first === undefined || count === undefined) return;
  checkTopCount(select.limit, name, count);
  if (first.kind !== 'var-ref') {
    throw fail(`expected first argument to be a field in ${name}(), found ${printExpr(first)}`);
  }
  for (const tag of args.slice(1, -1)) {
    if (tag.kind !== 'var-ref') {
      throw fail(`only fields or tags are allowed in ${name}(), found ${printExpr(tag)}`);
    }
    // Each is a column of its own, unless the rows are written.
    if (!select.hasTarget) field.checkExpr(field, tag);
  }
  select.topBottom = name;
}

function checkTopCount(limit: number, name: string, count: Expr): void {
  if (count.kind !== 'integer') {
    throw fail(`expected integer as last argument in ${name}(), found ${printExpr(count)}`);
  }
  if (count.value <= 0n) {
    throw fail(`limit (${count.value}) in ${name} function must be at least 1`);
  }
  if (limit > 0 && count.value > limit) {
    throw fail(
      `limit (${count.value}) in ${name} function can not be larger than the LIMIT (${limit}) in the select statement`,
    );
  }
}
