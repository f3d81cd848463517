/**
 * Before a SELECT is planned: databases and measurements that it names and that are not in the local
 * catalog are looked for in the metadata store, because another node may have made them a moment ago.
 *
 * While the store is away what is known must do.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Measurement, Source } from '../../influxql/ast.ts';
import type { Statement } from '../../influxql/statement.ts';
import type { BrokerParts } from '../parts.ts';

function listMeasurements(sources: readonly Source[]): Measurement[] {
  return sources.flatMap((source) =>
    source.kind === 'measurement' ? [source] : listMeasurements(source.statement.sources),
  );
}

async function know(
  { catalog }: BrokerParts,
  { database, name, regex }: Measurement,
  context: { readonly database: string },
): Promise<void> {
  const db = await catalog.findDatabase(database || context.database);
  if (db !== undefined && regex === undefined) await catalog.findFields(db.id, name);
}

export async function knowSources(
  parts: BrokerParts,
  statement: Statement,
  context: { readonly database: string },
): Promise<void> {
  const select = statement.kind === 'explain' ? statement.statement : statement;
  try {
    if (select.kind === 'select') {
      for (const one of listMeasurements(select.sources)) await know(parts, one, context);
    } else if (context.database !== '') {
      await parts.catalog.findDatabase(context.database);
    }
  } catch (error) {
    if (!(error instanceof CitadelError)) throw error;
  }
}
