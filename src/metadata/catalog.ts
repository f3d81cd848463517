/**
 * The catalog: databases, retention policies and field types, agreed on through the metadata store.
 *
 * Every change is one transaction guarded by what it was decided on, decided anew when the guard
 * fails, and visible in `view` before the call resolves. A drop writes a positive record
 * (`dropped/...`) in the transaction that removes the name: only such a record lets data be deleted.
 */

import { CitadelError } from '../base/errors.ts';
import type { Env, Rng, Timers } from '../env/env.ts';
import { StoredAdminCatalog } from './admin-catalog.ts';
import type { AdminCatalog } from './admin-view.ts';
import { renderDatabase, renderRecord } from './catalog-records.ts';
import type {
  Catalog,
  CatalogView,
  Database,
  FieldRegistration,
  PolicyOptions,
  RetentionPolicy,
} from './catalog-view.ts';
import { type CatalogListener, LocalCatalog } from './local-catalog.ts';
import {
  databaseKey,
  databasesPrefix,
  droppedKey,
  droppedPrefix,
  fieldsKey,
  fieldsPrefix,
  mapVersionKey,
  prefixesOfDatabase,
  prefixesOfPolicy,
} from './meta-keys.ts';
import { isUnchanged, type MetaOp, type MetaStore } from './meta-store.ts';
import {
  addPolicy,
  changePolicy,
  checkName,
  databaseNotFound,
  defaultPolicyName,
  makePolicy,
  type NamedPolicyOptions,
  recreateDatabase,
  removePolicy,
} from './policy-rules.ts';
import { attemptsMax, registerFields } from './register-fields.ts';

export interface DroppedData {
  readonly dbId: string;
  /** Undefined = the whole database. */
  readonly rpId: string | undefined;
}

export interface OpenCatalog extends Catalog {
  /** Everything that was ever dropped, as the store has it now. */
  dropped(): Promise<readonly DroppedData[]>;
  close(): void;
}

/** What to write instead of a database's record; undefined = leave everything. */
interface Decision<T> {
  readonly ops: readonly MetaOp[];
  readonly result: T;
}

const touchMapVersion: MetaOp = { kind: 'put', key: mapVersionKey, value: '' };

function putDatabase(db: Database): MetaOp {
  return { kind: 'put', key: databaseKey(db.name), value: renderDatabase(db) };
}

function putDropped(db: Database, policy?: RetentionPolicy): MetaOp {
  const value = renderRecord({ database: db.name, policy: policy?.name ?? null });
  return { kind: 'put', key: droppedKey(db.id, policy?.id), value };
}

function deletePrefix(prefix: string): MetaOp {
  return { kind: 'delete-prefix', prefix };
}

class StoredCatalog implements OpenCatalog {
  readonly admin: AdminCatalog;
  readonly #store: MetaStore;
  readonly #rng: Rng;
  readonly #local: LocalCatalog;

  constructor(store: MetaStore, env: Pick<Env, 'rng' | 'passwords'>, local: LocalCatalog) {
    this.#store = store;
    this.#rng = env.rng;
    this.admin = new StoredAdminCatalog(local, env);
    this.#local = local;
  }

  get view(): CatalogView {
    return this.#local.view;
  }

  createDatabase(name: string, policy?: NamedPolicyOptions): Promise<Database> {
    return this.#change<Database>(name, (db) => {
      checkName(name);
      if (policy?.name) checkName(policy.name);
      if (db === undefined) {
        const first = makePolicy(this.#makeId(), policy ?? {});
        const made: Database = {
          id: this.#makeId(),
          name,
          policies: [first],
          defaultPolicy: policy?.name || defaultPolicyName,
        };
        return { ops: [putDatabase(made)], result: made };
      }
      const changed = policy && recreateDatabase(db, this.#makeId(), policy);
      if (changed === undefined) return { ops: [], result: db };
      return { ops: [putDatabase(changed)], result: changed };
    });
  }

  dropDatabase(name: string): Promise<Database | undefined> {
    return this.#change<Database | undefined>(name, (db) => {
      if (db === undefined) return { ops: [], result: undefined };
      const ops: MetaOp[] = [
        putDropped(db),
        { kind: 'delete', key: databaseKey(name) },
        ...prefixesOfDatabase(db.id).map(deletePrefix),
      ];
      return { ops, result: db };
    });
  }

  createPolicy(
    dbName: string,
    name: string,
    options: PolicyOptions & { readonly makeDefault: boolean },
  ): Promise<RetentionPolicy> {
    return this.#change<RetentionPolicy>(dbName, (db) => {
      checkName(name);
      const policy = makePolicy(this.#makeId(), { ...options, name });
      if (db === undefined) throw databaseNotFound(dbName);
      const changed = addPolicy(db, policy, options.makeDefault);
      const result = (changed ?? db).policies.find((other) => other.name === name) ?? policy;
      return { ops: changed === undefined ? [] : [putDatabase(changed)], result };
    });
  }

  alterPolicy(
    dbName: string,
    name: string,
    options: PolicyOptions & { readonly makeDefault: boolean },
  ): Promise<void> {
    return this.#change<void>(dbName, (db) => {
      if (db === undefined) throw databaseNotFound(dbName);
      return { ops: [putDatabase(changePolicy(db, name, options))], result: undefined };
    });
  }

  dropPolicy(dbName: string, name: string): Promise<RetentionPolicy | undefined> {
    return this.#change<RetentionPolicy | undefined>(dbName, (db) => {
      const without = db && removePolicy(db, name);
      if (db === undefined || without === undefined) return { ops: [], result: undefined };
      const ops = [
        putDropped(db, without.removed),
        putDatabase(without.db),
        ...prefixesOfPolicy(db.id, without.removed.id).map(deletePrefix),
      ];
      return { ops, result: without.removed };
    });
  }

  async findDatabase(name: string): Promise<Database | undefined> {
    const known = this.view.database(name);
    if (known !== undefined) return known;
    await this.#local.catchUp(databasesPrefix);
    return this.view.database(name);
  }

  async findFields(dbId: string, measurement: string) {
    const known = this.view.fields(dbId, measurement);
    if (known !== undefined) return known;
    await this.#local.catchUp(`${fieldsPrefix}${dbId}/`);
    return this.view.fields(dbId, measurement);
  }

  refreshFields(dbId: string, measurement: string | undefined): Promise<void> {
    const prefix =
      measurement === undefined ? `${fieldsPrefix}${dbId}/` : fieldsKey(dbId, measurement);
    return this.#local.refresh(prefix);
  }

  registerFields(dbId: string, fields: readonly FieldRegistration[]) {
    return registerFields(this.#local, dbId, fields);
  }

  async dropMeasurement(dbId: string, measurement: string): Promise<void> {
    const key = fieldsKey(dbId, measurement);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const record = this.#local.record(key);
      if (record === undefined) return;
      const ops: MetaOp[] = [{ kind: 'delete', key }, touchMapVersion];
      if (await this.#local.tryChange([isUnchanged(key, record)], ops)) return;
    }
    throw new CitadelError('unavailable', 'cannot change the catalog: too many changes');
  }

  async dropped(): Promise<readonly DroppedData[]> {
    const { records } = await this.#store.range(droppedPrefix);
    return records.map(({ key }) => {
      const [dbId = '', rpId] = key.slice(droppedPrefix.length).split('/');
      return { dbId, rpId };
    });
  }

  close(): void {
    this.#local.close();
  }

  /** Changes what belongs to the name of one database, as decided on its current record. */
  async #change<T>(name: string, decide: (db: Database | undefined) => Decision<T>): Promise<T> {
    const key = databaseKey(name);
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const known = this.#local.database(key);
      const { ops, result } = decide(known?.database);
      if (ops.length === 0) return result;
      const guard = isUnchanged(key, known?.record);
      if (await this.#local.tryChange([guard], [...ops, touchMapVersion])) return result;
    }
    throw new CitadelError('unavailable', 'cannot change the catalog: too many changes');
  }

  #makeId(): string {
    const id = Buffer.from(this.#rng.bytes(8)).toString('hex');
    // 0 means "all policies" in a frame.
    return id === '0000000000000000' ? this.#makeId() : id;
  }
}

export async function openCatalog(
  store: MetaStore,
  env: Pick<Env, 'rng' | 'passwords'> & { readonly timers: Pick<Timers, 'after'> },
  listener: CatalogListener,
): Promise<OpenCatalog> {
  const local = new LocalCatalog(store, env.timers, listener);
  await local.load();
  return new StoredCatalog(store, env, local);
}
