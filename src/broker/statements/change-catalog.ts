/**
 * CREATE, ALTER and DROP of databases and retention policies.
 *
 * A drop is done when the catalog says so; that the files go at once is best effort here, because the
 * record of the drop makes the next start do it again.
 */

import { CitadelError } from '../../base/errors.ts';
import type {
  CreateDatabaseStatement,
  DropInDatabaseStatement,
  PolicyClauses,
  RetentionPolicyStatement,
} from '../../influxql/statement.ts';
import type { PolicyOptions } from '../../metadata/catalog-view.ts';
import type { BrokerParts } from '../parts.ts';

function readOptions(clauses: PolicyClauses): PolicyOptions {
  if (clauses.futureLimitNs !== undefined || clauses.pastLimitNs !== undefined) {
    throw new CitadelError('unsupported', 'FUTURE LIMIT and PAST LIMIT are not supported yet');
  }
  const { durationNs, shardGroupDurationNs, replication } = clauses;
  return { durationNs, shardGroupDurationNs, replication };
}

export async function createDatabase(
  { catalog }: BrokerParts,
  { name, policy }: CreateDatabaseStatement,
): Promise<void> {
  const options = policy && { ...readOptions(policy), name: policy.name };
  await catalog.createDatabase(name, options);
}

export async function changePolicy(
  { catalog }: BrokerParts,
  statement: RetentionPolicyStatement,
): Promise<void> {
  const { database, name, isDefault } = statement;
  const options = { ...readOptions(statement), makeDefault: isDefault };
  if (statement.kind === 'create-retention-policy') {
    await catalog.createPolicy(database, name, options);
  } else {
    await catalog.alterPolicy(database, name, options);
  }
}

async function dropData(
  { dataNode, env }: BrokerParts,
  dbId: string,
  rpId?: string,
): Promise<void> {
  try {
    await dataNode.dropData(dbId, rpId);
  } catch (error) {
    env.log.warn('dropped data stays until the next start', { dbId, rpId, error: String(error) });
  }
}

export async function dropDatabase(parts: BrokerParts, name: string): Promise<void> {
  const dropped = await parts.catalog.dropDatabase(name);
  if (dropped !== undefined) await dropData(parts, dropped.id);
}

export async function dropPolicy(
  parts: BrokerParts,
  { database, name }: DropInDatabaseStatement,
): Promise<void> {
  const db = parts.catalog.view.database(database);
  const dropped = await parts.catalog.dropPolicy(database, name);
  if (db !== undefined && dropped !== undefined) await dropData(parts, db.id, dropped.id);
}
