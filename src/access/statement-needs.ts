/**
 * What a statement needs: the one table of statements and rights, read from the parsed statement.
 *
 * InfluxDB's, and stricter where InfluxDB lets through what nobody granted: every source counts, in SHOW and in
 * continuous queries too, and a continuous query needs the right to write its target, which it will use unasked.
 * A kind of statement that is not listed is refused to everybody.
 */

import { CitadelError } from '../base/errors.ts';
import type { SelectStatement, Source } from '../influxql/ast.ts';
import type {
  CreateContinuousQueryStatement,
  ShowMeasurementsStatement,
  Statement,
} from '../influxql/statement.ts';

export type DatabaseRight = 'READ' | 'WRITE';

export type Need =
  | { readonly right: 'ADMIN' }
  | { readonly right: DatabaseRight; readonly database: string };

const adminOnly: readonly Need[] = [{ right: 'ADMIN' }];
const nothing: readonly Need[] = [];

function read(database: string): Need {
  return { right: 'READ', database };
}

function write(database: string): Need {
  return { right: 'WRITE', database };
}

function needsOfSources(sources: readonly Source[], database: string): readonly Need[] {
  return sources.flatMap((source) =>
    source.kind === 'measurement'
      ? [read(source.database || database)]
      : needsOfSelect(source.statement, database),
  );
}

function needsOfSelect({ sources, target }: SelectStatement, database: string): readonly Need[] {
  const needs = needsOfSources(sources, database);
  return target === undefined ? needs : [...needs, write(target.database || database)];
}

interface ShowScope {
  /** '' = the request's. */
  readonly database: string;
  readonly sources: readonly Source[];
}

/** Of a SHOW: its own database, and those that its sources name. */
function needsOfShow({ database: own, sources }: ShowScope, database: string): readonly Need[] {
  const named = sources.filter((source) => source.kind !== 'measurement' || source.database !== '');
  return [read(own || database), ...needsOfSources(named, own || database)];
}

function needsOfShowMeasurements(
  { database: own, everyDatabase, source }: ShowMeasurementsStatement,
  database: string,
): readonly Need[] {
  if (everyDatabase) return adminOnly;
  return needsOfShow({ database: own, sources: source === undefined ? [] : [source] }, database);
}

/** What the request says of the database comes before the statement, as when it is carried out. */
function needsOfContinuousQuery(
  { database: own, source }: CreateContinuousQueryStatement,
  database: string,
): readonly Need[] {
  return [read(own), ...needsOfSelect(source, database || own)];
}

type StatementOf<K, S extends Statement = Statement> = S extends Statement
  ? K extends S['kind']
    ? S
    : never
  : never;

type Rule<S> = (statement: S, database: string) => readonly Need[];

const needsAdmin: Rule<unknown> = () => adminOnly;
const readsRequested: Rule<unknown> = (_, database) => [read(database)];
const writesRequested: Rule<unknown> = (_, database) => [write(database)];
const writesOwn: Rule<{ readonly database: string }> = ({ database }) => [write(database)];

const rules: { readonly [K in Statement['kind']]: Rule<StatementOf<K>> } = {
  select: needsOfSelect,
  explain: ({ statement }, database) => needsOfSelect(statement, database),
  delete: writesRequested,
  'drop-series': writesRequested,
  'show-measurements': needsOfShowMeasurements,
  'show-series': needsOfShow,
  'show-tag-keys': needsOfShow,
  'show-tag-values': needsOfShow,
  'show-field-keys': needsOfShow,
  'show-series-cardinality': needsOfShow,
  'show-measurement-cardinality': needsOfShow,
  'show-tag-key-cardinality': needsOfShow,
  'show-field-key-cardinality': needsOfShow,
  'show-tag-values-cardinality': needsOfShow,
  'show-retention-policies': ({ database: own }, database) => [read(own || database)],
  'show-queries': readsRequested,
  'show-continuous-queries': readsRequested,
  'create-continuous-query': needsOfContinuousQuery,
  'drop-continuous-query': writesOwn,
  'drop-retention-policy': writesOwn,
  // Shows only what its user may read or write.
  'show-databases': () => nothing,
  'create-database': needsAdmin,
  'drop-database': needsAdmin,
  'create-retention-policy': needsAdmin,
  'alter-retention-policy': needsAdmin,
  'drop-measurement': needsAdmin,
  'drop-shard': needsAdmin,
  'create-user': needsAdmin,
  'drop-user': needsAdmin,
  'set-password': needsAdmin,
  grant: needsAdmin,
  revoke: needsAdmin,
  'create-subscription': needsAdmin,
  'drop-subscription': needsAdmin,
  'kill-query': needsAdmin,
  'show-users': needsAdmin,
  'show-grants': needsAdmin,
  'show-stats': needsAdmin,
  'show-diagnostics': needsAdmin,
  'show-shards': needsAdmin,
  'show-shard-groups': needsAdmin,
  'show-subscriptions': needsAdmin,
};

/**
 * All of what must be granted; none = whoever is logged in may. `database` is the request's.
 *
 * @throws CitadelError `forbidden` for a kind of statement without a rule
 */
export function needsOf(statement: Statement, database: string): readonly Need[] {
  const { kind } = statement;
  const rule = Object.hasOwn(rules, kind) ? (rules[kind] as Rule<Statement>) : undefined;
  if (rule === undefined) {
    throw new CitadelError('forbidden', `nobody may run a ${kind} statement`);
  }
  return rule(statement, database);
}
