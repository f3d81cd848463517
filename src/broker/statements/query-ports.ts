/** What the query engine asks of the outside, answered by the catalog and by scans over all shards. */

import { CitadelError } from '../../base/errors.ts';
import { databaseNotFound, policyNotFound } from '../../metadata/policy-rules.ts';
import { type MeterOptions, meterBlocks } from '../../query/limits/meter-blocks.ts';
import type { QueryPorts } from '../../query/ports.ts';
import type { BrokerParts } from '../parts.ts';
import { ReadRoute } from '../route/read-route.ts';

/** What streams bring is counted on `meter`. */
export function createQueryPorts(
  { catalog, route, limits }: BrokerParts,
  meter: MeterOptions,
): QueryPorts {
  const reads = new ReadRoute(route);
  return {
    limits,
    schema: {
      resolve(database, policy) {
        if (database === '') throw new CitadelError('invalid-argument', 'database name required');
        const { view } = catalog;
        const db = view.database(database);
        if (db === undefined) throw databaseNotFound(database);
        const name = policy || db.defaultPolicy;
        const found = view.policy(db, name);
        if (found === undefined) throw policyNotFound(name);
        const { id: rpId, name: rpName, shardGroupDurationNs: shardGroupNs } = found;
        return { dbId: db.id, rpId, rpName, shardGroupNs };
      },
      databases: () =>
        catalog.view.databases.map(({ name, policies, defaultPolicy }) => ({
          name,
          policies: policies.map((policy) => policy.name),
          defaultPolicy,
        })),
      fields: (dbId, measurement) => catalog.view.fields(dbId, measurement),
    },
    scan: (plan, signal) => reads.scan(plan, signal).map((stream) => meterBlocks(stream, meter)),
    schemaScan: (plan, signal) =>
      reads.schema(plan, signal).map((stream) => meterBlocks(stream, meter)),
  };
}
