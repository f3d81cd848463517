/**
 * The catalog in backups: records as they stand in the metadata store, and how those of some databases come into another
 * cluster: under new ids and, if wished, new names. Users come along where their names are free.
 *
 * One transaction makes a database with everything that belongs to it, or several where it is large; its own record comes
 * last, so that a name is never there without its fields. Ids are new: nothing here has ever used them.
 */

import { CitadelError } from '../base/errors.ts';
import type { Rng } from '../env/env.ts';
import type { RestoredDatabase } from '../model/store-backup.ts';
import { parseRecord, readDatabase, renderDatabase, renderRecord } from './catalog-records.ts';
import { touchMapVersion } from './cluster-record.ts';
import {
  catalogPrefix,
  databaseKey,
  databasesPrefix,
  prefixesOfDatabase,
  subscriptionsPrefix,
  usersPrefix,
} from './meta-keys.ts';
import { isAbsent, type MetaOp, type MetaRecord, type MetaStore } from './meta-store.ts';
import { checkName } from './policy-rules.ts';
import { PutBatches } from './put-batches.ts';

/** As a backup keeps it. */
export interface CatalogEntry {
  readonly key: string;
  readonly value: string;
}

export interface NamedDatabase extends RestoredDatabase {
  /** In the backup, and here. */
  readonly name: string;
  readonly newName: string;
}

function toRecord({ key, value }: CatalogEntry): MetaRecord {
  return { key, value, version: 1, createRevision: 0, modRevision: 0, lease: '' };
}

/** Everything in the catalog. */
export async function readCatalogEntries(store: MetaStore): Promise<readonly CatalogEntry[]> {
  const { records } = await store.range(catalogPrefix);
  return records.map(({ key, value }) => ({ key, value }));
}

export class CatalogRestore {
  readonly #store: MetaStore;
  readonly #rng: Pick<Rng, 'bytes'>;

  constructor(store: MetaStore, rng: Pick<Rng, 'bytes'>) {
    this.#store = store;
    this.#rng = rng;
  }

  /**
   * Makes databases: `renames` by their names in the backup; those that it does not name keep theirs.
   * `only`: no others; undefined = all.
   *
   * @throws CitadelError `conflict` when a name is taken, before anything is made; `invalid-argument`, `corrupt`
   */
  async run(
    entries: readonly CatalogEntry[],
    renames: ReadonlyMap<string, string>,
    only: ReadonlySet<string> | undefined,
  ): Promise<readonly NamedDatabase[]> {
    const plans = entries
      .filter(({ key }) => key.startsWith(databasesPrefix))
      .map((entry) => readDatabase(toRecord(entry)))
      .filter(({ name }) => only?.has(name) ?? true)
      .map((database) => ({ database, newName: renames.get(database.name) ?? database.name }));
    for (const { newName } of plans) {
      checkName(newName);
      if ((await this.#store.get(databaseKey(newName))) === undefined) continue;
      const message = `cannot restore database ${JSON.stringify(newName)}: it is there already; drop it, or choose another name`;
      throw new CitadelError('conflict', message);
    }
    const made: NamedDatabase[] = [];
    for (const { database, newName } of plans) {
      const policies = database.policies.map(({ id }) => ({ from: id, to: this.#makeId() }));
      const restored = { from: database.id, to: this.#makeId(), policies };
      await this.#copy(entries, restored);
      const ids = new Map(policies.map(({ from, to }) => [from, to]));
      const value = renderDatabase({
        ...database,
        id: restored.to,
        name: newName,
        policies: database.policies.map((policy) => ({ ...policy, id: ids.get(policy.id)! })),
      });
      await this.#put(databaseKey(newName), value);
      made.push({ ...restored, name: database.name, newName });
    }
    await this.#copyUsers(entries);
    return made;
  }

  /** What belongs to a database: keys and contents name it by its id. */
  async #copy(entries: readonly CatalogEntry[], restored: RestoredDatabase): Promise<void> {
    const batches = new PutBatches(async (ops) => {
      await this.#store.transaction({ compare: [], onSuccess: [...ops, touchMapVersion] });
    });
    const prefixes = prefixesOfDatabase(restored.from);
    const targets = prefixesOfDatabase(restored.to);
    for (const entry of entries) {
      const i = prefixes.findIndex((prefix) => entry.key.startsWith(prefix));
      if (i < 0) continue;
      const rest = renamePolicy(entry.key.slice(prefixes[i]!.length), targets[i]!, restored);
      if (rest === undefined) continue;
      await batches.put(targets[i]! + rest, renameContents(entry, restored));
    }
    await batches.finish();
  }

  async #copyUsers(entries: readonly CatalogEntry[]): Promise<void> {
    for (const { key, value } of entries) {
      if (!key.startsWith(usersPrefix)) continue;
      await this.#store.transaction({
        compare: [isAbsent(key)],
        onSuccess: [{ kind: 'put', key, value }, touchMapVersion],
      });
    }
  }

  async #put(key: string, value: string): Promise<void> {
    const put: MetaOp = { kind: 'put', key, value };
    const { succeeded } = await this.#store.transaction({
      compare: [isAbsent(key)],
      onSuccess: [put, touchMapVersion],
    });
    if (!succeeded)
      throw new CitadelError('conflict', 'a database of that name was made meanwhile');
  }

  #makeId(): string {
    const id = Buffer.from(this.#rng.bytes(8)).toString('hex');
    return id === '0000000000000000' ? this.#makeId() : id;
  }
}

/** Subscriptions stand under the id of their policy too. Undefined: of a policy that is gone. */
function renamePolicy(
  rest: string,
  target: string,
  { policies }: RestoredDatabase,
): string | undefined {
  if (!target.startsWith(subscriptionsPrefix)) return rest;
  const slash = rest.indexOf('/');
  const to = policies.find(({ from }) => from === rest.slice(0, slash))?.to;
  return to === undefined ? undefined : to + rest.slice(slash);
}

function renameContents(entry: CatalogEntry, { from, to, policies }: RestoredDatabase): string {
  const { v: _version, ...fields } = parseRecord(toRecord(entry));
  const renamed: Record<string, unknown> = { ...fields };
  if (renamed.dbId === from) renamed.dbId = to;
  const policy = policies.find((one) => one.from === renamed.rpId);
  if (policy !== undefined) renamed.rpId = policy.to;
  return renderRecord(renamed);
}
