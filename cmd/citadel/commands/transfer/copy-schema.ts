/** Makes a database and its retention policies at the destination; what is there already stays as it is. */

import type { ImportParts } from './import-text.ts';
import { createPolicy, listDatabases, listPolicies, type Policy, quoteName } from './schema.ts';

export async function copySchema(
  { source, destination, notes }: ImportParts,
  database: string,
  policies: readonly Policy[],
): Promise<void> {
  const isThere = (await listDatabases(source)).includes(database);
  if (!isThere) {
    const first = policies.find(({ isDefault }) => isDefault);
    await destination.run(
      first === undefined
        ? `CREATE DATABASE ${quoteName(database)}`
        : createPolicy(database, first, true),
    );
  }
  const present = await listPolicies(source, database);
  for (const policy of policies) {
    const known = present.find(({ name }) => name === policy.name);
    if (known === undefined) await destination.run(createPolicy(database, policy, false));
    else if (known.duration !== policy.duration) {
      notes.say(
        `retention policy ${quoteName(policy.name)} of ${quoteName(database)} keeps its duration ${known.duration}; the source has ${policy.duration}`,
      );
    }
  }
}
