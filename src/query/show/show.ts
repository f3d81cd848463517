/** The SHOW statements that are answered from series and fields. */

import type {
  ShowCardinalityStatement,
  ShowFieldKeysStatement,
  ShowMeasurementsStatement,
  ShowSeriesStatement,
  ShowTagKeysStatement,
  ShowTagValuesCardinalityStatement,
  ShowTagValuesStatement,
} from '../../influxql/statement.ts';
import type { QueryContext } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { askScope } from './ask-scope.ts';
import { withoutFields } from './field-conditions.ts';
import { keyFilter } from './key-filter.ts';
import { type ShowScope, showScope } from './scope.ts';
import { answerCardinality } from './show-cardinality.ts';
import { showMeasurements } from './show-measurements.ts';
import { cellPiece, pageOf, wholePiece } from './show-pieces.ts';
import { sortTexts } from './sort-texts.ts';

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

function tagScope(
  statement: ShowSeriesStatement | ShowTagKeysStatement | ShowTagValuesStatement,
  policies: 'all' | 'timed',
  context: QueryContext,
): Promise<ShowScope> {
  return withoutFields(showScope(statement, { policies }, context), context);
}

async function* showSeries(
  statement: ShowSeriesStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const scope = await tagScope(statement, 'timed', context);
  const answer = await askScope(scope, { kind: 'series' }, context);
  const keys = [...answer.values()].flatMap((series) => [...series.keys()]);
  const page = pageOf(await sortTexts(keys, context), statement.limit, statement.offset);
  if (page.length > 0) yield cellPiece('', ['key'], [page]);
}

async function* showTagKeys(
  statement: ShowTagKeysStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const scope = await tagScope(statement, 'all', context);
  const { accepts } = keyFilter(statement.filter);
  const answer = await askScope(scope, { kind: 'tag-keys' }, context);
  for (const [measurement, keys] of answer) {
    const sorted = await sortTexts([...keys.keys()].filter(accepts), context);
    const page = pageOf(sorted, statement.limit, statement.offset);
    if (page.length > 0) yield wholePiece(measurement, ['tagKey'], [page]);
  }
}

async function* showTagValues(
  statement: ShowTagValuesStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const scope = await tagScope(statement, 'all', context);
  const { keys, accepts } = keyFilter(statement.filter);
  const answer = await askScope(scope, { kind: 'tag-values', keys }, context);
  for (const [measurement, found] of answer) {
    const pairs: (readonly [key: string, value: string])[] = [];
    for (const key of await sortTexts([...found.keys()].filter(accepts), context)) {
      const values = [...(found.get(key) ?? [])].filter((value) => value !== '');
      for (const value of await sortTexts(values, context)) pairs.push([key, value]);
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
    const names = await sortTexts(found.keys(), context);
    const page = pageOf(names, statement.limit, statement.offset);
    if (page.length === 0) continue;
    const types = page.map((name) => [...(found.get(name) ?? [])][0] ?? '');
    yield cellPiece(measurement, ['fieldKey', 'fieldType'], [page, types]);
  }
}
