/** Cardinalities by GROUP BY: series are grouped by their tags, and what a group has is counted. */

import type { Expr } from '../../influxql/ast.ts';
import type {
  ShowCardinalityStatement,
  ShowTagValuesCardinalityStatement,
} from '../../influxql/statement.ts';
import { compareText } from '../../scan/text-order.ts';
import { matcherOf } from '../compile/tables.ts';
import { groupKey } from '../merge/group-key.ts';
import { invalid, type QueryContext } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { readTags } from '../select/limit-groups.ts';
import { askScope } from './ask-scope.ts';
import { keyFilter } from './key-filter.ts';
import type { ShowScope } from './scope.ts';

type CardinalityStatement = ShowCardinalityStatement | ShowTagValuesCardinalityStatement;

export interface CountedGroup {
  /** '' = none. */
  readonly name: string;
  readonly tags: SeriesPiece['tags'];
  readonly count: number;
}

type Tags = ReadonlyMap<string, string>;

/** What a series adds to its group; things of one name count once. */
type ListThings = (measurement: string, series: string, tags: Tags) => Iterable<string>;

/** @throws CitadelError `invalid-argument` for a time() */
function dimensionKeys(dimensions: readonly Expr[], known: ReadonlySet<string>): string[] {
  const keys = new Set<string>();
  for (const dimension of dimensions) {
    if (dimension.kind === 'var-ref') keys.add(dimension.name);
    else if (dimension.kind === 'wildcard') for (const key of known) keys.add(key);
    else if (dimension.kind === 'regex') {
      const matches = matcherOf(dimension.pattern);
      for (const key of known) if (matches(key)) keys.add(key);
    } else throw invalid('only tag dimensions allowed');
  }
  return [...keys].sort(compareText);
}

async function listerOf(
  statement: CardinalityStatement,
  scope: ShowScope,
  context: QueryContext,
): Promise<ListThings> {
  switch (statement.kind) {
    case 'show-series-cardinality':
      return (_, series) => [series];
    case 'show-measurement-cardinality':
      return (measurement) => [measurement];
    case 'show-tag-key-cardinality':
      return (_measurement, _series, tags) => tags.keys();
    case 'show-field-key-cardinality': {
      const fields = await askScope(scope, { kind: 'fields' }, context);
      return (measurement) => fields.get(measurement)?.keys() ?? [];
    }
    case 'show-tag-values-cardinality': {
      const { accepts } = keyFilter(statement.filter);
      return (_measurement, _series, tags) =>
        [...tags].filter(([key]) => accepts(key)).map(([, value]) => value);
    }
  }
}

/** Tag keys of all measurements asked for, whatever the condition. */
async function knownKeys(scope: ShowScope, context: QueryContext): Promise<ReadonlySet<string>> {
  const plans = scope.plans.map((plan) => ({ ...plan, where: undefined }));
  const answer = await askScope({ ...scope, plans }, { kind: 'tag-keys' }, context);
  return new Set([...answer.values()].flatMap((found) => [...found.keys()]));
}

interface OpenGroup {
  readonly name: string;
  readonly values: readonly string[];
  readonly things: Set<string>;
}

/** By name, then by the values of the tags. */
export async function countGroups(
  statement: CardinalityStatement,
  scope: ShowScope,
  context: QueryContext,
): Promise<CountedGroup[]> {
  const answer = await askScope(scope, { kind: 'series' }, context);
  const list = [...answer].flatMap(([measurement, found]) =>
    [...found.keys()].map((series) => ({
      measurement,
      series,
      tags: readTags(series, measurement),
    })),
  );
  const keys = dimensionKeys(statement.dimensions, await knownKeys(scope, context));
  const things = await listerOf(statement, scope, context);
  const isNamed = statement.kind !== 'show-measurement-cardinality';
  const groups = new Map<string, OpenGroup>();
  for (const { measurement, series, tags } of list) {
    const values = keys.map((key) => tags.get(key) ?? '');
    const name = isNamed ? measurement : '';
    const key = `${name}\0${groupKey(values)}`;
    const group = groups.get(key) ?? { name, values, things: new Set<string>() };
    groups.set(key, group);
    for (const thing of things(measurement, series, tags)) group.things.add(thing);
  }
  return [...groups]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, group]) => ({
      name: group.name,
      tags: keys.map((key, index) => [key, group.values[index]!] as const),
      count: group.things.size,
    }));
}
