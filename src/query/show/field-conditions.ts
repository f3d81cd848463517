/**
 * Fields in the WHERE of a SHOW: a comparison of a field says nothing about series, so it counts as true
 * wherever the measurement has that field, unless some measurement has a tag of that name. What is
 * compared with a number or a boolean can be no tag at all.
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

/** The condition with comparisons of these names, and of numbers and booleans, taken for true. */
function assume(expr: RowExpr, names: ReadonlySet<string>): RowExpr {
  if (expr.kind !== 'binary') return expr;
  const { op, left, right } = expr;
  if (op === 'and' || op === 'or') {
    return { ...expr, left: assume(left, names), right: assume(right, names) };
  }
  if (left.kind !== 'tag') return expr;
  const isText = right.kind === 'string' || right.kind === 'regex' || right.kind === 'tag';
  return isText && !names.has(left.name) ? expr : { kind: 'boolean', value: true };
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
  if (measurements.every((measurement) => fieldsOf(measurement).length === 0)) {
    return [{ ...plan, where: assume(where, new Set()) }];
  }
  const tagKeys = await tagKeysOf(plan, context);
  return measurements.map((measurement) => {
    const untagged = new Set(fieldsOf(measurement).filter((name) => !tagKeys.has(name)));
    return { ...plan, measurements: [measurement], where: assume(where, untagged) };
  });
}

/** The same questions, of each measurement for itself where a condition names one of its fields. */
export async function withoutFields(scope: ShowScope, context: QueryContext): Promise<ShowScope> {
  const plans = await Promise.all(scope.plans.map((plan) => splitPlan(plan, context)));
  return { ...scope, plans: plans.flat() };
}
