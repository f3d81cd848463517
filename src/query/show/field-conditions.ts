/**
 * Fields in the WHERE of a SHOW: a comparison of a field says nothing about series, so it counts as true
 * wherever the measurement has that field, unless some measurement has a tag of that name.
 */

import type { RowExpr, SchemaPlan } from '../../model/plan.ts';
import type { QueryContext } from '../query-context.ts';
import { collectSchema } from './collect-schema.ts';
import type { ShowScope } from './scope.ts';

type Plan = Omit<SchemaPlan, 'ask'>;

function addTagNames(expr: RowExpr, names: Set<string>): void {
  if (expr.kind === 'tag') names.add(expr.name);
  if (expr.kind !== 'binary') return;
  addTagNames(expr.left, names);
  addTagNames(expr.right, names);
}

interface FieldNames {
  readonly all: ReadonlySet<string>;
  /** Those that are no tag of any measurement: only those may be compared with a text. */
  readonly untagged: ReadonlySet<string>;
}

/** The condition with comparisons of these names taken for true. */
function assume(expr: RowExpr, names: FieldNames): RowExpr {
  if (expr.kind !== 'binary') return expr;
  const { op, left, right } = expr;
  if (op === 'and' || op === 'or') {
    return { ...expr, left: assume(left, names), right: assume(right, names) };
  }
  const isText = right.kind === 'string' || right.kind === 'regex';
  const known = isText ? names.untagged : names.all;
  const isField = left.kind === 'tag' && known.has(left.name);
  return isField ? { kind: 'boolean', value: true } : expr;
}

async function measurementsOf(plan: Plan, context: QueryContext): Promise<readonly string[]> {
  if (plan.measurements !== undefined) return plan.measurements;
  const everywhere = { ...plan, where: undefined, range: undefined };
  const found = await collectSchema({ ...everywhere, ask: { kind: 'measurements' } }, context);
  return [...found.keys()];
}

async function tagKeysOf({ dbId }: Plan, context: QueryContext): Promise<ReadonlySet<string>> {
  const plan = { dbId, rpId: undefined, measurements: undefined, where: undefined };
  const ask = { kind: 'tag-keys' } as const;
  const found = await collectSchema({ ...plan, range: undefined, ask }, context);
  return new Set([...found.values()].flatMap((keys) => [...keys.keys()]));
}

async function splitPlan(plan: Plan, context: QueryContext): Promise<Plan[]> {
  const { where, dbId } = plan;
  if (where === undefined) return [plan];
  const names = new Set<string>();
  addTagNames(where, names);
  const measurements = await measurementsOf(plan, context);
  const fieldsOf = (measurement: string) => {
    const fields = context.ports.schema.fields(dbId, measurement);
    return [...names].filter((name) => fields?.has(name) === true);
  };
  if (measurements.every((measurement) => fieldsOf(measurement).length === 0)) return [plan];
  const tagKeys = await tagKeysOf(plan, context);
  return measurements.map((measurement) => {
    const all = new Set(fieldsOf(measurement));
    const untagged = new Set([...all].filter((name) => !tagKeys.has(name)));
    return { ...plan, measurements: [measurement], where: assume(where, { all, untagged }) };
  });
}

/** The same questions, of each measurement for itself where a condition names one of its fields. */
export async function withoutFields(scope: ShowScope, context: QueryContext): Promise<ShowScope> {
  const plans = await Promise.all(scope.plans.map((plan) => splitPlan(plan, context)));
  return { ...scope, plans: plans.flat() };
}
