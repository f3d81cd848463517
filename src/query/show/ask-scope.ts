/** Asks all databases and policies of a SHOW statement. */

import type { SchemaAsk } from '../../model/plan.ts';
import { compareText } from '../../scan/text-order.ts';
import type { QueryContext } from '../query-context.ts';
import { collectSchema, type SchemaAnswer } from './collect-schema.ts';
import type { ShowScope } from './scope.ts';

/** Answers of all scopes together, only of the measurements asked for, sorted by measurement. */
export async function askScope(
  scope: ShowScope,
  ask: SchemaAsk,
  context: QueryContext,
): Promise<SchemaAnswer> {
  const merged: SchemaAnswer = new Map();
  for (const plan of scope.plans) {
    for (const [measurement, keys] of await collectSchema({ ...plan, ask }, context)) {
      if (!scope.accepts(measurement)) continue;
      const known = merged.get(measurement);
      if (known === undefined) {
        merged.set(measurement, keys);
        continue;
      }
      for (const [key, values] of keys) {
        known.set(key, new Set([...(known.get(key) ?? []), ...values]));
      }
    }
  }
  return new Map([...merged].sort(([a], [b]) => compareText(a, b)));
}
