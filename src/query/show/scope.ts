/** What a SHOW statement asks about: database, policy, measurements, condition, times. */

import type { Expr, Source } from '../../influxql/ast.ts';
import { splitCondition, type TimeBounds } from '../../influxql/condition.ts';
import { someExpr } from '../../influxql/select-shape.ts';
import type { RowExpr, SchemaPlan } from '../../model/plan.ts';
import type { TimeRange } from '../../model/time.ts';
import { maxTime, minTime } from '../../model/time.ts';
import { toRowExpr } from '../compile/row-condition.ts';
import { matcherOf, requireDatabase } from '../compile/tables.ts';
import { invalid, type QueryContext, unsupported } from '../query-context.ts';
import { clampTime } from '../windows.ts';

interface ShowParts {
  /** From ON; '' = not given. */
  readonly database: string;
  readonly sources: readonly Source[];
  readonly condition: Expr | undefined;
}

export interface ShowScope {
  /** One per database and policy named. */
  readonly plans: readonly Omit<SchemaPlan, 'ask'>[];
  /** Whether a measurement of an answer was asked for. */
  readonly accepts: (measurement: string) => boolean;
}

export interface ScopeOptions {
  /** 'all' = every policy; 'default' = the named or default one; 'timed' = all, but that one when WHERE has a time. */
  readonly policies: 'all' | 'default' | 'timed';
  /** Tags may be compared by order, in vain. */
  readonly ordersTags?: boolean;
}

export function mentionsTime(condition: Expr | undefined): boolean {
  if (condition === undefined) return false;
  return someExpr(
    condition,
    (expr) => expr.kind === 'var-ref' && expr.name.toLowerCase() === 'time',
  );
}

/** @throws CitadelError `invalid-argument` for comparisons that tags do not have. */
function checkTagCondition(condition: Expr): void {
  someExpr(condition, (expr) => {
    if (expr.kind !== 'binary' || expr.left.kind !== 'var-ref') return false;
    if (['<', '<=', '>', '>='].includes(expr.op)) throw invalid('invalid tag comparison operator');
    return false;
  });
}

/** Every name is a tag here; `_name` is the measurement. */
function tagCondition(condition: Expr | undefined, ordersTags: boolean): RowExpr | undefined {
  if (condition === undefined) return undefined;
  if (!ordersTags) checkTagCondition(condition);
  return toRowExpr(condition, {
    resolve: ({ name }) => (name === '_name' ? { kind: 'measurement' } : { kind: 'tag', name }),
  });
}

function rangeOf(bounds: TimeBounds): TimeRange | undefined {
  if (bounds.min === undefined && bounds.max === undefined) return undefined;
  return { min: clampTime(bounds.min ?? minTime), max: clampTime(bounds.max ?? maxTime) };
}

interface Place {
  readonly database: string;
  readonly policy: string;
  readonly names: string[];
  hasRegex: boolean;
}

function placesOf(parts: ShowParts, context: QueryContext): Place[] {
  const places: Place[] = [];
  const placeOf = (database: string, policy: string): Place => {
    const known = places.find((place) => place.database === database && place.policy === policy);
    if (known !== undefined) return known;
    const place = { database, policy, names: [], hasRegex: false };
    places.push(place);
    return place;
  };
  const own = parts.database === '' ? context.database : parts.database;
  if (parts.sources.length === 0) placeOf(requireDatabase(own), '');
  for (const source of parts.sources) {
    if (source.kind === 'subquery') throw unsupported('subquery');
    const database = source.database === '' ? own : source.database;
    const place = placeOf(requireDatabase(database), source.policy);
    if (source.regex === undefined) place.names.push(source.name);
    else place.hasRegex = true;
  }
  return places;
}

function accepterOf(sources: readonly Source[]): (measurement: string) => boolean {
  if (sources.length === 0) return () => true;
  const names = new Set<string>();
  const matchers: ((text: string) => boolean)[] = [];
  for (const source of sources) {
    if (source.kind !== 'measurement') continue;
    if (source.regex === undefined) names.add(source.name);
    else matchers.push(matcherOf(source.regex));
  }
  return (measurement) =>
    names.has(measurement) || matchers.some((matches) => matches(measurement));
}

/** @throws CitadelError `not-found`: `database not found: x`; `invalid-argument`: `database name required`. */
export function showScope(
  parts: ShowParts,
  options: ScopeOptions,
  context: QueryContext,
): ShowScope {
  const { condition, bounds } = splitCondition(parts.condition, { nowNs: context.nowNs });
  const range = rangeOf(bounds);
  const where = tagCondition(condition, options.ordersTags === true);
  const onePolicy =
    options.policies === 'default' || (options.policies === 'timed' && range !== undefined);
  const plans = placesOf(parts, context).map(({ database, policy, names, hasRegex }) => {
    const wanted = policy === '' ? context.policy : policy;
    const found = context.ports.schema.resolve(
      database,
      wanted === '' || !onePolicy ? undefined : wanted,
    );
    return {
      dbId: found.dbId,
      rpId: onePolicy ? found.rpId : undefined,
      measurements: hasRegex || names.length === 0 ? undefined : names,
      where,
      range,
    };
  });
  return { plans, accepts: accepterOf(parts.sources) };
}

/** @throws CitadelError `invalid-argument`: `<statement> doesn't support time in WHERE clause`. */
export function refuseTime(statement: string, condition: Expr | undefined): void {
  if (mentionsTime(condition)) {
    throw invalid(`${statement} doesn't support time in WHERE clause`);
  }
}
