/**
 * Continuous queries: kept as their own text, in which every source and the target name their database and
 * policy, so that the text means the same whatever becomes of the defaults.
 */

import type { Rights } from '../../access/rights.ts';
import { CitadelError } from '../../base/errors.ts';
import type { Measurement, SelectStatement, Source } from '../../influxql/ast.ts';
import { printStatement } from '../../influxql/print-statement.ts';
import type { CreateContinuousQueryStatement } from '../../influxql/statement.ts';
import type { Catalog, CatalogView } from '../../metadata/catalog-view.ts';
import { databaseNotFound, policyNotFound } from '../../metadata/policy-rules.ts';
import type { SeriesPiece } from '../../query/result.ts';
import { makeTable } from './make-table.ts';

interface Defaults {
  readonly view: CatalogView;
  readonly database: string;
  /** '' = the database's own default. */
  readonly policy: string;
}

function qualify(source: Measurement, defaults: Defaults): Measurement {
  const { database = '', policy } = { ...source, database: source.database || defaults.database };
  const db = defaults.view.database(database);
  if (db === undefined) throw databaseNotFound(database);
  const name = policy || defaults.policy || db.defaultPolicy;
  if (name === '') {
    throw new CitadelError('not-found', `default retention policy not set for: ${db.name}`);
  }
  return { ...source, database, policy: name };
}

function qualifySource(source: Source, defaults: Defaults): Source {
  return source.kind === 'measurement'
    ? qualify(source, defaults)
    : { ...source, statement: qualifySelect(source.statement, defaults) };
}

/** @throws CitadelError `not-found` */
export function qualifySelect(select: SelectStatement, defaults: Defaults): SelectStatement {
  const target = select.target && qualify(select.target, defaults);
  const sources = select.sources.map((source) => qualifySource(source, defaults));
  return { ...select, target, sources };
}

function checkPolicy(view: CatalogView, { database, policy }: Measurement): void {
  const db = view.database(database);
  if (db === undefined || view.policy(db, policy) !== undefined) return;
  throw policyNotFound(`${database}.${policy}`);
}

function checkPolicies(view: CatalogView, select: SelectStatement): void {
  if (select.target !== undefined) checkPolicy(view, select.target);
  for (const source of select.sources) {
    if (source.kind === 'measurement') checkPolicy(view, source);
    else checkPolicies(view, source.statement);
  }
}

/**
 * The statement with every name qualified. What the request says of database and policy comes before the
 * statement's own database.
 *
 * @throws CitadelError `not-found`
 */
export function qualifyContinuousQuery(
  view: CatalogView,
  statement: CreateContinuousQueryStatement,
  request: { readonly database: string; readonly policy: string },
): CreateContinuousQueryStatement {
  const database = request.database || statement.database;
  const source = qualifySelect(statement.source, { view, database, policy: request.policy });
  return { ...statement, source };
}

export async function createContinuousQuery(
  { view, admin }: Catalog,
  statement: CreateContinuousQueryStatement,
  request: { readonly database: string; readonly policy: string; readonly nowNs: bigint },
): Promise<void> {
  const qualified = qualifyContinuousQuery(view, statement, request);
  checkPolicies(view, qualified.source);
  const { database, name } = statement;
  const text = printStatement(qualified);
  await admin.createContinuousQuery({ database, name, text, createdNs: request.nowNs });
}

/** A series per database that whoever asks may read, those without any too. */
export function showContinuousQueries({ view, admin }: Catalog, rights: Rights): SeriesPiece[] {
  const shown = view.databases.filter(({ name }) => rights.may('READ', name));
  return shown.map((db) => {
    const rows = admin.view.continuousQueries(db.id).map(({ name, text }) => [name, text]);
    return makeTable(db.name, ['name', 'query'], rows);
  });
}
