/** SHOW ... CARDINALITY: counted from the index, so that the estimates are exact too. */

import { CitadelError } from '../../base/errors.ts';
import type {
  ShowCardinalityStatement,
  ShowTagValuesCardinalityStatement,
} from '../../influxql/statement.ts';
import type { SchemaAsk } from '../../model/plan.ts';
import { compareText } from '../../scan/text-order.ts';
import { type QueryContext, unsupported } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { askScope } from './ask-scope.ts';
import { countSeries } from './collect-schema.ts';
import { keyFilter } from './key-filter.ts';
import { refuseTime, type ShowScope, showScope } from './scope.ts';
import { cellPiece, pageOf } from './show-pieces.ts';

type CardinalityStatement = ShowCardinalityStatement | ShowTagValuesCardinalityStatement;

const names = {
  'show-series-cardinality': 'SHOW SERIES',
  'show-measurement-cardinality': 'SHOW MEASUREMENT',
  'show-tag-key-cardinality': 'SHOW TAG KEY',
  'show-field-key-cardinality': 'SHOW FIELD KEY',
  'show-tag-values-cardinality': 'SHOW TAG VALUES',
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

function openScope(statement: CardinalityStatement, context: QueryContext): ShowScope | undefined {
  const isField = statement.kind === 'show-field-key-cardinality';
  try {
    return showScope(statement, { policies: isField ? 'default' : 'all' }, context);
  } catch (error) {
    // An estimate over a database that does not exist is 0.
    const isMissing = error instanceof CitadelError && error.code === 'not-found';
    if (isMissing && isEstimate(statement)) return undefined;
    throw error;
  }
}

export async function* answerCardinality(
  statement: CardinalityStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const { kind } = statement;
  const middle = statement.exact ? ' EXACT' : '';
  refuseTime(`${names[kind]}${middle} CARDINALITY`, statement.condition);
  if (statement.dimensions.length > 0) throw unsupported(`${names[kind]} CARDINALITY GROUP BY`);
  const scope = openScope(statement, context);
  const counts =
    scope === undefined
      ? new Map<string, number>()
      : await countPerMeasurement(statement, scope, context);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const wholeCount = kind === 'show-measurement-cardinality' ? counts.size : total;
  if (isEstimate(statement)) {
    yield cellPiece('', ['cardinality estimation'], [[wholeCount]]);
    return;
  }
  if (kind === 'show-measurement-cardinality') {
    yield cellPiece('', ['count'], [[wholeCount]]);
    return;
  }
  for (const [measurement, count] of counts) {
    if (count === 0) continue;
    const page = pageOf([count], statement.limit, statement.offset);
    if (page.length > 0) yield cellPiece(measurement, ['count'], [page]);
  }
}
