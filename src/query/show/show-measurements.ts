/** SHOW MEASUREMENTS, of one database as a whole or of retention policies one by one. */

import { CitadelError } from '../../base/errors.ts';
import type { ShowMeasurementsStatement } from '../../influxql/statement.ts';
import type { RowExpr } from '../../model/plan.ts';
import { compareText } from '../../scan/text-order.ts';
import { requireDatabase } from '../compile/tables.ts';
import type { QueryContext } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { askScope } from './ask-scope.ts';
import { selectMeasurements } from './measurement-names.ts';
import { refuseTime, type ShowScope, showScope } from './scope.ts';
import { pageOf, wholePiece } from './show-pieces.ts';

/** Of a database that does not exist InfluxDB lists no measurements. */
function findScope(
  { source }: ShowMeasurementsStatement,
  database: string,
  context: QueryContext,
): ShowScope | undefined {
  const parts = { database, sources: source === undefined ? [] : [source], condition: undefined };
  try {
    return showScope(parts, { policies: 'all' }, context);
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/** Names in a scope, sorted. */
async function namesIn(
  scope: ShowScope,
  { condition }: ShowMeasurementsStatement,
  context: QueryContext,
): Promise<string[]> {
  const ask = async (where: RowExpr | undefined): Promise<string[]> => {
    const plans = scope.plans.map((plan) => ({ ...plan, where }));
    return [...(await askScope({ ...scope, plans }, { kind: 'measurements' }, context)).keys()];
  };
  if (condition === undefined) return ask(undefined);
  return [...(await selectMeasurements(condition, ask))].sort(compareText);
}

interface Place {
  readonly database: string;
  readonly policy: string;
}

/** `ON db.rp`, `ON db.*`, `ON *` (default policies) and `ON *.*`, written out. */
function placesOf(statement: ShowMeasurementsStatement, context: QueryContext): Place[] {
  const { everyDatabase, everyPolicy, policy } = statement;
  const all = context.ports.schema.databases();
  const wanted = statement.database === '' ? context.database : statement.database;
  const databases = everyDatabase
    ? all
    : all.filter(({ name }) => name === requireDatabase(wanted));
  return databases.flatMap(({ name, policies, defaultPolicy }) => {
    const one = policy === '' ? defaultPolicy : policy;
    const listed = everyPolicy ? policies : policies.filter((known) => known === one);
    return listed.map((known) => ({ database: name, policy: known }));
  });
}

async function* showByPolicy(
  statement: ShowMeasurementsStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const rows: (readonly [name: string, database: string, policy: string])[] = [];
  for (const { database, policy } of placesOf(statement, context)) {
    const scope = findScope(statement, database, context);
    if (scope === undefined) continue;
    const { rpId } = context.ports.schema.resolve(database, policy);
    const plans = scope.plans.map((plan) => ({ ...plan, rpId }));
    for (const name of await namesIn({ ...scope, plans }, statement, context)) {
      rows.push([name, database, policy]);
    }
  }
  const page = pageOf(rows, statement.limit, statement.offset);
  if (page.length === 0) return;
  const columns = [0, 1, 2].map((column) => page.map((row) => row[column]!));
  yield wholePiece('measurements', ['name', 'database', 'retention policy'], columns);
}

export async function* showMeasurements(
  statement: ShowMeasurementsStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  refuseTime('SHOW MEASUREMENTS', statement.condition);
  const { everyDatabase, everyPolicy, policy, database } = statement;
  if (everyDatabase || everyPolicy || policy !== '') {
    yield* showByPolicy(statement, context);
    return;
  }
  const scope = findScope(statement, database, context);
  if (scope === undefined) return;
  const names = await namesIn(scope, statement, context);
  const page = pageOf(names, statement.limit, statement.offset);
  if (page.length > 0) yield wholePiece('measurements', ['name'], [page]);
}
