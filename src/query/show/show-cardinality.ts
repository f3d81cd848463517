/** SHOW ... CARDINALITY: counted from the index, so that the estimates are exact too. */

import { CitadelError } from '../../base/errors.ts';
import type {
  ShowCardinalityStatement,
  ShowTagValuesCardinalityStatement,
} from '../../influxql/statement.ts';
import type { SchemaAsk } from '../../model/plan.ts';
import { compareText } from '../../scan/text-order.ts';
import type { QueryContext } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { askScope } from './ask-scope.ts';
import { countSeries } from './collect-schema.ts';
import { type CountedGroup, countGroups } from './count-groups.ts';
import { keyFilter } from './key-filter.ts';
import { mentionsTime, refuseTime, type ShowScope, showScope } from './scope.ts';
import { cellPiece } from './show-pieces.ts';

type CardinalityStatement = ShowCardinalityStatement | ShowTagValuesCardinalityStatement;

/** As InfluxDB's messages say it, EXACT or not. */
const timelessNames = {
  'show-series-cardinality': 'SHOW SERIES EXACT CARDINALITY',
  'show-measurement-cardinality': 'SHOW MEASUREMENT EXACT CARDINALITY',
  'show-tag-key-cardinality': 'SHOW TAG KEY EXACT CARDINALITY',
  'show-field-key-cardinality': 'SHOW FIELD KEY CARDINALITY',
} as const;

/** Series and measurements without EXACT and without any clause: one number for the database. */
function isEstimate(statement: CardinalityStatement): boolean {
  const { kind, exact, sources, condition, dimensions, limit, offset } = statement;
  if (kind !== 'show-series-cardinality' && kind !== 'show-measurement-cardinality') return false;
  if (exact || sources.length > 0 || condition !== undefined) return false;
  return dimensions.length === 0 && limit === 0 && offset === 0;
}

/** What is counted, per measurement. */
async function countPerMeasurement(
  statement: CardinalityStatement,
  scope: ShowScope,
  context: QueryContext,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  if (statement.kind === 'show-series-cardinality') {
    for (const plan of scope.plans) {
      for (const [measurement, count] of await countSeries(plan, context)) {
        if (!scope.accepts(measurement)) continue;
        counts.set(measurement, (counts.get(measurement) ?? 0) + count);
      }
    }
    return new Map([...counts].sort(([a], [b]) => compareText(a, b)));
  }
  const { ask, accepts } = askFor(statement);
  for (const [measurement, keys] of await askScope(scope, ask, context)) {
    const accepted = [...keys].filter(([key]) => accepts(key));
    const distinct = new Set(accepted.flatMap(([, values]) => [...values]));
    const isValues = statement.kind === 'show-tag-values-cardinality';
    counts.set(measurement, isValues ? distinct.size : accepted.length);
  }
  return counts;
}

interface Ask {
  readonly ask: SchemaAsk;
  readonly accepts: (key: string) => boolean;
}

function askFor(statement: CardinalityStatement): Ask {
  switch (statement.kind) {
    case 'show-tag-values-cardinality': {
      const { keys, accepts } = keyFilter(statement.filter);
      return { ask: { kind: 'tag-values', keys }, accepts };
    }
    case 'show-tag-key-cardinality':
      return { ask: { kind: 'tag-keys' }, accepts: () => true };
    case 'show-field-key-cardinality':
      return { ask: { kind: 'fields' }, accepts: () => true };
    default:
      return { ask: { kind: 'measurements' }, accepts: () => true };
  }
}

/** An estimate is about the whole database, all else about one policy. */
function openScope(statement: CardinalityStatement, context: QueryContext): ShowScope | undefined {
  const isWhole = isEstimate(statement);
  const options = { policies: isWhole ? 'all' : 'default', ordersTags: true } as const;
  try {
    return showScope(statement, options, context);
  } catch (error) {
    // An estimate over a database that does not exist is 0.
    const isMissing = error instanceof CitadelError && error.code === 'not-found';
    if (isMissing && isWhole) return undefined;
    throw error;
  }
}

async function answerEstimate(
  statement: CardinalityStatement,
  scope: ShowScope | undefined,
  context: QueryContext,
): Promise<SeriesPiece> {
  const counts = scope && (await countPerMeasurement(statement, scope, context));
  let count = 0;
  if (statement.kind === 'show-measurement-cardinality') count = counts?.size ?? 0;
  else for (const one of counts?.values() ?? []) count += one;
  return cellPiece('', ['cardinality estimation'], [[count]]);
}

async function countWhole(
  statement: CardinalityStatement,
  scope: ShowScope,
  context: QueryContext,
): Promise<CountedGroup[]> {
  const counts = await countPerMeasurement(statement, scope, context);
  if (statement.kind === 'show-measurement-cardinality') {
    return [{ name: '', tags: undefined, count: counts.size }];
  }
  return [...counts].map(([name, count]) => ({ name, tags: undefined, count }));
}

export async function* answerCardinality(
  statement: CardinalityStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const { kind, condition, dimensions, offset } = statement;
  if (kind !== 'show-tag-values-cardinality') refuseTime(timelessNames[kind], condition);
  const scope = openScope(statement, context);
  if (isEstimate(statement)) {
    yield await answerEstimate(statement, scope, context);
    return;
  }
  // Each answer is one row; a time in the condition matches no tag.
  if (scope === undefined || offset > 0 || mentionsTime(condition)) return;
  const groups =
    dimensions.length === 0
      ? await countWhole(statement, scope, context)
      : await countGroups(statement, scope, context);
  for (const { name, tags, count } of groups) {
    if (count > 0) yield { ...cellPiece(name, ['count'], [[count]]), tags };
  }
}
