/**
 * A continuous query as its stored text says it: what it reads and writes, in which windows and how often,
 * and the statement that computes a range of them.
 */

import { CitadelError } from '../base/errors.ts';
import type { Expr, Measurement, SelectStatement, Source } from '../influxql/ast.ts';
import { type CompiledSelect, compileSelect } from '../influxql/compile.ts';
import { splitCondition } from '../influxql/condition.ts';
import { parseQuery } from '../influxql/influxql.ts';
import { printStatement } from '../influxql/print-statement.ts';
import { isRawQuery } from '../influxql/select-shape.ts';
import type { CreateContinuousQueryStatement } from '../influxql/statement.ts';

/** Where rows come from or go. */
export interface QueryPlace {
  readonly database: string;
  readonly policy: string;
  /** Undefined = any: a regular expression, or `:MEASUREMENT`. */
  readonly measurement: string | undefined;
}

export interface PlannedContinuousQuery {
  /** `GROUP BY time()`, see query/windows.ts. */
  readonly windows: {
    readonly intervalNs: bigint;
    readonly offsetNs: bigint;
    readonly zone: string | undefined;
  };
  /** 0n = not given, each. */
  readonly everyNs: bigint;
  readonly forNs: bigint;
  /** Those of subqueries too. */
  readonly sources: readonly QueryPlace[];
  readonly target: QueryPlace;
  /** A window of the result depends on the rows of that window alone: several may be computed at once. */
  readonly isWindowLocal: boolean;
  /** Windows after a changed one whose result may change with it. */
  readonly reach: number;
  /** SELECT INTO for the windows of [from, until), ns. */
  select(fromNs: bigint, untilNs: bigint): string;
}

const transformations: ReadonlySet<string> = new Set([
  'chande_momentum_oscillator',
  'cumulative_sum',
  'derivative',
  'difference',
  'double_exponential_moving_average',
  'elapsed',
  'exponential_moving_average',
  'holt_winters',
  'holt_winters_with_fit',
  'integral',
  'kaufmans_adaptive_moving_average',
  'kaufmans_efficiency_ratio',
  'moving_average',
  'non_negative_derivative',
  'non_negative_difference',
  'relative_strength_index',
  'triple_exponential_derivative',
  'triple_exponential_moving_average',
]);

function parseStatement(text: string): CreateContinuousQueryStatement {
  const [statement] = parseQuery(text);
  if (statement?.kind === 'create-continuous-query') return statement;
  throw new CitadelError('corrupt', "query isn't a valid continuous query");
}

function placeOf({ database, policy, name, regex }: Measurement): QueryPlace {
  const measurement = regex === undefined && name !== '' ? name : undefined;
  return { database, policy, measurement };
}

function listSources(sources: readonly Source[]): QueryPlace[] {
  return sources.flatMap((source) =>
    source.kind === 'measurement' ? [placeOf(source)] : listSources(source.statement.sources),
  );
}

function isLocal({ calls, fill, sources }: CompiledSelect, select: SelectStatement): boolean {
  if (select.limit + select.offset + select.slimit + select.soffset > 0) return false;
  if (fill.kind !== 'null' && fill.kind !== 'none') return false;
  if (sources.some((source) => source.kind === 'compiled-select')) return false;
  return !calls.some(({ name }) => transformations.has(name));
}

function reachOf({ extraIntervals, sources }: CompiledSelect): number {
  const inner = sources.map((source) => (source.kind === 'compiled-select' ? reachOf(source) : 0));
  return Math.max(extraIntervals, ...inner);
}

/** Times in the text's own WHERE give way to the range. */
function limitTo(select: SelectStatement, fromNs: bigint, untilNs: bigint): Expr {
  const time = { kind: 'var-ref', name: 'time', cast: undefined } as const;
  const from = { kind: 'integer', value: fromNs } as const;
  const until = { kind: 'integer', value: untilNs } as const;
  const range: Expr = {
    kind: 'binary',
    op: 'AND',
    left: { kind: 'binary', op: '>=', left: time, right: from },
    right: { kind: 'binary', op: '<', left: time, right: until },
  };
  const { condition } = splitCondition(select.condition, { nowNs: fromNs, zone: select.zone });
  if (condition === undefined) return range;
  return { kind: 'binary', op: 'AND', left: { kind: 'paren', expr: condition }, right: range };
}

/** An offset that hangs on now() is the same in each run. */
function fixOffset(select: SelectStatement, offsetNs: bigint): readonly Expr[] {
  return select.dimensions.map((dimension): Expr => {
    if (dimension.kind !== 'call' || dimension.name !== 'time') return dimension;
    const [interval, offset] = dimension.args;
    if (interval === undefined || offset === undefined) return dimension;
    return { ...dimension, args: [interval, { kind: 'duration', ns: offsetNs }] };
  });
}

/** @throws CitadelError `corrupt` for other statements, `invalid-argument` for a query that can never run */
export function planContinuousQuery(text: string): PlannedContinuousQuery {
  const statement = parseStatement(text);
  const select = statement.source;
  if (isRawQuery(select) || select.target === undefined) {
    throw new CitadelError('invalid-argument', 'continuous queries must be aggregate queries');
  }
  const compiled = compileSelect(select, { nowNs: 0n });
  const { ns: intervalNs, offsetNs } = compiled.interval;
  return {
    windows: { intervalNs, offsetNs, zone: select.zone },
    everyNs: statement.resampleEveryNs,
    forNs: statement.resampleForNs,
    sources: listSources(select.sources),
    target: placeOf(select.target),
    isWindowLocal: isLocal(compiled, select),
    reach: reachOf(compiled),
    select: (fromNs, untilNs) =>
      printStatement({
        ...select,
        condition: limitTo(select, fromNs, untilNs),
        dimensions: fixOffset(select, offsetNs),
      }),
  };
}
