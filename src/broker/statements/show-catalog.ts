/** SHOW DATABASES and SHOW RETENTION POLICIES: answered from the catalog alone. */

import { CitadelError } from '../../base/errors.ts';
import { formatGoDuration } from '../../influxql/duration.ts';
import type { CatalogView } from '../../metadata/catalog-view.ts';
import { databaseNotFound } from '../../metadata/policy-rules.ts';
import type { SeriesPiece } from '../../query/result.ts';
import { makeTable } from './make-table.ts';

export function showDatabases({ databases }: CatalogView): SeriesPiece {
  return makeTable(
    'databases',
    ['name'],
    databases.map(({ name }) => [name]),
  );
}

/** @throws CitadelError `not-found`, `invalid-argument` */
export function showPolicies(view: CatalogView, database: string): SeriesPiece {
  if (database === '') throw new CitadelError('invalid-argument', 'database name required');
  const db = view.database(database);
  if (db === undefined) throw databaseNotFound(database);
  const rows = db.policies.map((policy) => [
    policy.name,
    formatGoDuration(policy.durationNs),
    formatGoDuration(policy.shardGroupDurationNs),
    policy.replication,
    policy.name === db.defaultPolicy,
  ]);
  return makeTable('', ['name', 'duration', 'shardGroupDuration', 'replicaN', 'default'], rows);
}
