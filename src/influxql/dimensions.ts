/** GROUP BY taken apart: the time windows, the tags, the wildcards. */

import { CitadelError } from '../base/errors.ts';
import type { Call, Expr } from './ast.ts';
import { printExpr } from './print-expr.ts';
import { reduceExpr } from './reduce.ts';
import { looksLikeTime, parseTimeText } from './time-text.ts';

export type TimeDimension =
  | {
      /** 0n = no time(), or time(0s). */
      readonly intervalNs: bigint;
      /** The second argument as written. */
      readonly offset: Expr | undefined;
      readonly error: undefined;
    }
  | { readonly intervalNs: undefined; readonly offset: undefined; readonly error: string };

function noInterval(error: string): TimeDimension {
  return { intervalNs: undefined, offset: undefined, error };
}

/** The first `time(interval)` of GROUP BY as it was written. */
export function findTimeDimension(dimensions: readonly Expr[]): TimeDimension {
  for (const dimension of dimensions) {
    if (dimension.kind !== 'call' || dimension.name !== 'time') continue;
    const [interval, offset, extra] = dimension.args;
    if (interval === undefined || extra !== undefined) {
      return noInterval('time dimension expected 1 or 2 arguments');
    }
    if (interval.kind !== 'duration') {
      return noInterval('time dimension must have duration argument');
    }
    return { intervalNs: interval.ns, offset, error: undefined };
  }
  return { intervalNs: 0n, offset: undefined, error: undefined };
}

/** Windows `[k * ns + offsetNs, (k + 1) * ns + offsetNs)` from the epoch; `ns` 0n = one window. */
export interface Interval {
  readonly ns: bigint;
  readonly offsetNs: bigint;
}

export interface CheckedDimensions {
  /** Reduced: references, wildcards, regular expressions and at most one time(). */
  readonly dimensions: readonly Expr[];
  readonly interval: Interval;
}

/** Where Go's clock starts (year 1), on whose grid now() and time strings are cut to an offset. */
const yearOneNs = -62_135_596_800_000_000_000n;

function fail(message: string): CitadelError {
  return new CitadelError('invalid-argument', message);
}

/** @throws CitadelError `invalid-argument` with influxd's message. */
export function checkDimensions(
  dimensions: readonly Expr[],
  nowNs: bigint,
  zone: string | undefined,
): CheckedDimensions {
  let interval: Interval = { ns: 0n, offsetNs: 0n };
  const checked = dimensions.map((dimension) => {
    const expr = reduceExpr(dimension, {});
    switch (expr.kind) {
      case 'var-ref':
        if (expr.name.toLowerCase() === 'time') {
          throw fail('time() is a function and expects at least one argument');
        }
        return expr;
      case 'wildcard':
      case 'regex':
        return expr;
      case 'call':
        interval = readInterval(expr, interval.ns, { nowNs, zone });
        return expr;
      default:
        throw fail('only time and tag dimensions allowed');
    }
  });
  return { dimensions: checked, interval };
}

interface Surroundings {
  readonly nowNs: bigint;
  readonly zone: string | undefined;
}

function readInterval({ name, args }: Call, known: bigint, surroundings: Surroundings): Interval {
  const [interval, offset, extra] = args;
  if (name !== 'time') throw fail('only time() calls allowed in dimensions');
  if (interval === undefined || extra !== undefined) {
    throw fail('time dimension expected 1 or 2 arguments');
  }
  if (interval.kind !== 'duration') throw fail('time dimension must have duration argument');
  if (known !== 0n) throw fail('multiple time dimensions not allowed');
  const { ns } = interval;
  return { ns, offsetNs: offset === undefined ? 0n : readOffset(offset, ns, surroundings) };
}

function readOffset(offset: Expr, intervalNs: bigint, surroundings: Surroundings): bigint {
  switch (offset.kind) {
    case 'duration':
      return intervalNs === 0n ? 0n : offset.ns % intervalNs;
    case 'time':
      return cutToGrid(offset.ns, intervalNs);
    case 'call':
      if (offset.name !== 'now') throw fail('time dimension offset function must be now()');
      if (offset.args.length > 0) {
        throw fail('time dimension offset now() function requires no arguments');
      }
      return cutToGrid(surroundings.nowNs, intervalNs);
    case 'string':
      if (!looksLikeTime(offset.value)) break;
      if (parseTimeText(offset.value, surroundings.zone) === undefined) {
        throw fail('invalid timestamp string');
      }
      // influxd's compiler takes it, its planner then does not.
      throw fail(`invalid time dimension offset: ${printExpr(offset)}`);
    default:
  }
  throw fail('time dimension offset must be duration or now()');
}

/** How far a time is past a multiple of the interval, counted from year one. */
function cutToGrid(ns: bigint, intervalNs: bigint): bigint {
  if (intervalNs <= 0n) return 0n;
  return (ns - yearOneNs) % intervalNs;
}
