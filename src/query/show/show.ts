/** The SHOW statements that are answered from series and fields. */

import { CitadelError } from '../../base/errors.ts';
import type {
  ShowCardinalityStatement,
  ShowFieldKeysStatement,
  ShowMeasurementsStatement,
  ShowSeriesStatement,
  ShowTagKeysStatement,
  ShowTagValuesCardinalityStatement,
  ShowTagValuesStatement,
} from '../../influxql/statement.ts';
import type { RowExpr } from '../../model/plan.ts';
import { compareText } from '../../scan/text-order.ts';
import { type QueryContext, unsupported } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { askScope } from './ask-scope.ts';
import { keyFilter } from './key-filter.ts';
import { selectMeasurements } from './measurement-names.ts';
import { refuseTime, type ShowScope, showScope } from './scope.ts';
import { answerCardinality } from './show-cardinality.ts';
import { cellPiece, pageOf, wholePiece } from './show-pieces.ts';

export type ShowStatement =
  | ShowMeasurementsStatement
  | ShowSeriesStatement
  | ShowTagKeysStatement
  | ShowTagValuesStatement
  | ShowFieldKeysStatement
  | ShowCardinalityStatement
  | ShowTagValuesCardinalityStatement;

export function answerShow(
  statement: ShowStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  switch (statement.kind) {
    case 'show-measurements':
      return showMeasurements(statement, context);
    case 'show-series':
      return showSeries(statement, context);
    case 'show-tag-keys':
      return showTagKeys(statement, context);
    case 'show-tag-values':
      return showTagValues(statement, context);
    case 'show-field-keys':
      return showFieldKeys(statement, context);
    default:
      return answerCardinality(statement, context);
  }
}

function isMissingDatabase(error: unknown): boolean {
  return error instanceof CitadelError && error.code === 'not-found';
}

async function* showMeasurements(
  statement: ShowMeasurementsStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  refuseTime('SHOW MEASUREMENTS', statement.condition);
  if (statement.everyDatabase || statement.everyPolicy || statement.policy !== '') {
    throw unsupported('SHOW MEASUREMENTS ON a retention policy');
  }
  const { database, condition, source } = statement;
  const sources = source === undefined ? [] : [source];
  let scope: ShowScope;
  try {
    scope = showScope({ database, sources, condition: undefined }, { policies: 'all' }, context);
  } catch (error) {
    // Of a database that does not exist InfluxDB lists no measurements.
    if (isMissingDatabase(error)) return;
    throw error;
  }
  const ask = async (where: RowExpr | undefined): Promise<string[]> => {
    const plans = scope.plans.map((plan) => ({ ...plan, where }));
    return [...(await askScope({ ...scope, plans }, { kind: 'measurements' }, context)).keys()];
  };
  const names =
    condition === undefined
      ? await ask(undefined)
      : [...(await selectMeasurements(condition, ask))].sort(compareText);
  const page = pageOf(names, statement.limit, statement.offset);
  if (page.length > 0) yield wholePiece('measurements', ['name'], [page]);
}

async function* showSeries(
  statement: ShowSeriesStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const scope = showScope(statement, { policies: 'timed' }, context);
  const answer = await askScope(scope, { kind: 'series' }, context);
  const keys = [...answer.values()].flatMap((series) => [...series.keys()]).sort(compareText);
  const page = pageOf(keys, statement.limit, statement.offset);
  if (page.length > 0) yield cellPiece('', ['key'], [page]);
}

async function* showTagKeys(
  statement: ShowTagKeysStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const scope = showScope(statement, { policies: 'all' }, context);
  const { accepts } = keyFilter(statement.filter);
  const answer = await askScope(scope, { kind: 'tag-keys' }, context);
  for (const [measurement, keys] of answer) {
    const sorted = [...keys.keys()].filter(accepts).sort(compareText);
    const page = pageOf(sorted, statement.limit, statement.offset);
    if (page.length > 0) yield wholePiece(measurement, ['tagKey'], [page]);
  }
}

async function* showTagValues(
  statement: ShowTagValuesStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const scope = showScope(statement, { policies: 'all' }, context);
  const { keys, accepts } = keyFilter(statement.filter);
  const answer = await askScope(scope, { kind: 'tag-values', keys }, context);
  for (const [measurement, found] of answer) {
    const pairs: (readonly [key: string, value: string])[] = [];
    for (const key of [...found.keys()].filter(accepts).sort(compareText)) {
      const values = [...(found.get(key) ?? [])].filter((value) => value !== '');
      for (const value of values.sort(compareText)) pairs.push([key, value]);
    }
    const page = pageOf(pairs, statement.limit, statement.offset);
    if (page.length === 0) continue;
    const columns = [page.map(([key]) => key), page.map(([, value]) => value)];
    yield wholePiece(measurement, ['key', 'value'], columns);
  }
}

async function* showFieldKeys(
  statement: ShowFieldKeysStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const scope = showScope(statement, { policies: 'default' }, context);
  const answer = await askScope(scope, { kind: 'fields' }, context);
  for (const [measurement, found] of answer) {
    const names = [...found.keys()].sort(compareText);
    const page = pageOf(names, statement.limit, statement.offset);
    if (page.length === 0) continue;
    const types = page.map((name) => [...(found.get(name) ?? [])][0] ?? '');
    yield cellPiece(measurement, ['fieldKey', 'fieldType'], [page, types]);
  }
}
