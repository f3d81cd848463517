/** One statement's answer as a stream; nothing happens before it is pulled. */

import { CitadelError } from '../../base/errors.ts';
import type { Statement } from '../../influxql/statement.ts';
import { runSelect, runShow } from '../../query/query.ts';
import type { QueryContext } from '../../query/query-context.ts';
import type { SeriesPiece } from '../../query/result.ts';
import type { BrokerParts } from '../parts.ts';
import { changePolicy, createDatabase, dropDatabase, dropPolicy } from './change-catalog.ts';
import { deleteData, dropMeasurement } from './delete-data.ts';
import { showDatabases, showPolicies } from './show-catalog.ts';

/** A table, or nothing from statements that are run for their effect. */
async function* answer(run: () => SeriesPiece | Promise<void>): AsyncGenerator<SeriesPiece> {
  const piece = await run();
  if (piece !== undefined) yield piece;
}

function refuse(kind: Statement['kind']): never {
  const name = kind.replaceAll('-', ' ').toUpperCase();
  throw new CitadelError('unsupported', `${name} is not supported yet`);
}

export function runStatement(
  parts: BrokerParts,
  statement: Statement,
  context: QueryContext,
): AsyncIterable<SeriesPiece> {
  switch (statement.kind) {
    case 'select':
      return runSelect(statement, context);
    case 'show-measurements':
    case 'show-series':
    case 'show-tag-keys':
    case 'show-tag-values':
    case 'show-field-keys':
    case 'show-series-cardinality':
    case 'show-measurement-cardinality':
    case 'show-tag-key-cardinality':
    case 'show-field-key-cardinality':
    case 'show-tag-values-cardinality':
      return runShow(statement, context);
    case 'show-databases':
      return answer(() => showDatabases(parts.catalog.view));
    case 'show-retention-policies':
      return answer(() => showPolicies(parts.catalog.view, statement.database || context.database));
    case 'create-database':
      return answer(() => createDatabase(parts, statement));
    case 'drop-database':
      return answer(() => dropDatabase(parts, statement.name));
    case 'create-retention-policy':
    case 'alter-retention-policy':
      return answer(() => changePolicy(parts, statement));
    case 'drop-retention-policy':
      return answer(() => dropPolicy(parts, statement));
    case 'drop-measurement':
      return answer(() => dropMeasurement(parts, context.database, statement.name));
    case 'delete':
    case 'drop-series':
      return answer(() => deleteData(parts, statement, context));
    default:
      return answer(() => refuse(statement.kind));
  }
}
