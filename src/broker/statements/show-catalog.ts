/** SHOW DATABASES and SHOW RETENTION POLICIES: answered from the catalog alone. */

import type { Rights } from '../../access/rights.ts';
import { CitadelError } from '../../base/errors.ts';
import { formatGoDuration } from '../../influxql/duration.ts';
import type { CatalogView } from '../../metadata/catalog-view.ts';
import { databaseNotFound } from '../../metadata/policy-rules.ts';
import type { SeriesPiece } from '../../query/result.ts';
import { makeTable } from './make-table.ts';

/** Those that whoever asks may read or write. */
export function showDatabases({ databases }: CatalogView, rights: Rights): SeriesPiece {
  const names = databases.map(({ name }) => name);
  const shown = names.filter((name) => rights.may('READ', name) || rights.may('WRITE', name));
  return makeTable(
    'databases',
    ['name'],
    shown.map((name) => [name]),
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
