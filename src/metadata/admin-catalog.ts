/**
 * Changes of users, grants, continuous queries and subscriptions: each decided on the local copy and made
 * by one transaction that is guarded by what it was decided on; decided anew when a guard fails.
 */

import { CitadelError } from '../base/errors.ts';
import type { Passwords, Rng } from '../env/env.ts';
import {
  renderContinuousQuery,
  renderGrant,
  renderSubscription,
  renderUser,
} from './admin-records.ts';
import type {
  AdminCatalog,
  AdminView,
  DatabasePrivilege,
  NewContinuousQuery,
  Subscription,
  SubscriptionName,
  User,
} from './admin-view.ts';
import type { Database, RetentionPolicy } from './catalog-view.ts';
import type { LocalCatalog } from './local-catalog.ts';
import {
  continuousQueryKey,
  cursorsOfSubscription,
  databaseKey,
  grantKey,
  mapVersionKey,
  stateOfContinuousQuery,
  subscriptionKey,
  userKey,
} from './meta-keys.ts';
import { isUnchanged, type MetaOp } from './meta-store.ts';
import { databaseNotFound, policyNotFound, userNotFound } from './policy-rules.ts';
import { attemptsMax } from './register-fields.ts';

/** What a change rests on and what it does; no operations = nothing to do. */
interface Change {
  /** Keys that must be as the copy has them. */
  readonly basis: readonly string[];
  readonly ops: readonly MetaOp[];
}

const nothing: Change = { basis: [], ops: [] };
/** Grants that go in the transaction that drops their user; others are orphans, which nobody reads. */
const grantsPerDrop = 100;

const bits: Readonly<Record<DatabasePrivilege, number>> = {
  'NO PRIVILEGES': 0,
  READ: 1,
  WRITE: 2,
  'ALL PRIVILEGES': 3,
};
const byBits: readonly DatabasePrivilege[] = ['NO PRIVILEGES', 'READ', 'WRITE', 'ALL PRIVILEGES'];

export interface AdminCatalogParts {
  readonly rng: Rng;
  readonly passwords: Passwords;
}

export class StoredAdminCatalog implements AdminCatalog {
  readonly #local: LocalCatalog;
  readonly #parts: AdminCatalogParts;

  constructor(local: LocalCatalog, parts: AdminCatalogParts) {
    this.#local = local;
    this.#parts = parts;
  }

  get view(): AdminView {
    return this.#local.admin;
  }

  async createUser(name: string, password: string, isAdmin: boolean): Promise<void> {
    if (name === '') throw new CitadelError('invalid-argument', 'username required');
    const { passwords, rng } = this.#parts;
    const known = this.view.user(name);
    if (known !== undefined) {
      const isSame = known.isAdmin === isAdmin;
      if (isSame && (await passwords.verify(password, known.passwordHash))) return;
      throw new CitadelError('already-exists', 'user already exists');
    }
    const id = Buffer.from(rng.bytes(8)).toString('hex');
    const user = { id, name, passwordHash: await passwords.hash(password), isAdmin };
    let isTaken = false;
    await this.#change(() => {
      isTaken = this.view.user(name) !== undefined;
      return isTaken ? nothing : this.#putUser(user);
    });
    // Somebody else made it while the password was being hashed.
    if (isTaken) await this.createUser(name, password, isAdmin);
  }

  dropUser(name: string): Promise<void> {
    return this.#change(() => {
      const user = this.#findUser(name);
      const key = userKey(name);
      const grants = this.view.grants(user.id).slice(0, grantsPerDrop);
      const ops = grants.map(({ dbId, userId }): MetaOp => {
        return { kind: 'delete', key: grantKey(dbId, userId) };
      });
      return { basis: [key], ops: [{ kind: 'delete', key }, ...ops] };
    });
  }

  async setPassword(name: string, password: string): Promise<void> {
    this.#findUser(name);
    const passwordHash = await this.#parts.passwords.hash(password);
    await this.#change(() => this.#putUser({ ...this.#findUser(name), passwordHash }));
  }

  setAdmin(name: string, isAdmin: boolean): Promise<void> {
    return this.#change(() => {
      const user = this.#findUser(name);
      return user.isAdmin === isAdmin ? nothing : this.#putUser({ ...user, isAdmin });
    });
  }

  grant(name: string, database: string, privilege: DatabasePrivilege): Promise<void> {
    return this.#changePrivilege(name, database, () => privilege);
  }

  revoke(name: string, database: string, privilege: DatabasePrivilege): Promise<void> {
    return this.#changePrivilege(name, database, (current) => {
      return byBits[bits[current] & ~bits[privilege]] ?? 'NO PRIVILEGES';
    });
  }

  createContinuousQuery({ database, name, text, createdNs }: NewContinuousQuery): Promise<void> {
    return this.#change(() => {
      const db = this.#findDatabase(database);
      const known = this.view.continuousQueries(db.id).find((query) => query.name === name);
      if (known?.text === text) return nothing;
      if (known !== undefined) {
        throw new CitadelError('already-exists', 'continuous query already exists');
      }
      const key = continuousQueryKey(db.id, name);
      const value = renderContinuousQuery({ dbId: db.id, name, text, createdNs });
      return { basis: [databaseKey(database), key], ops: [{ kind: 'put', key, value }] };
    });
  }

  dropContinuousQuery(database: string, name: string): Promise<void> {
    return this.#change(() => {
      const db = this.#local.view.database(database);
      if (db === undefined) return nothing;
      const key = continuousQueryKey(db.id, name);
      if (this.#local.record(key) === undefined) return nothing;
      const { progressKey, latePrefix } = stateOfContinuousQuery(db.id, name);
      const ops: MetaOp[] = [
        { kind: 'delete', key },
        { kind: 'delete', key: progressKey },
        { kind: 'delete-prefix', prefix: latePrefix },
      ];
      return { basis: [key], ops };
    });
  }

  createSubscription(
    { database, policy, name }: SubscriptionName,
    target: Pick<Subscription, 'mode' | 'destinations' | 'createdMs'>,
  ): Promise<void> {
    const id = Buffer.from(this.#parts.rng.bytes(8)).toString('hex');
    return this.#change(() => {
      const { db, rp } = this.#findPolicy(database, policy);
      const key = subscriptionKey(db.id, rp.id, name);
      if (this.#local.record(key) !== undefined) {
        throw new CitadelError('already-exists', 'subscription already exists');
      }
      const value = renderSubscription({ id, dbId: db.id, rpId: rp.id, name, ...target });
      return { basis: [databaseKey(database), key], ops: [{ kind: 'put', key, value }] };
    });
  }

  dropSubscription({ database, policy, name }: SubscriptionName): Promise<void> {
    return this.#change(() => {
      const { db, rp } = this.#findPolicy(database, policy);
      const key = subscriptionKey(db.id, rp.id, name);
      const known = this.view.subscriptions(db.id).find((one) => {
        return one.rpId === rp.id && one.name === name;
      });
      if (known === undefined) throw new CitadelError('not-found', 'subscription not found');
      const prefix = cursorsOfSubscription(db.id, rp.id, known.id);
      return {
        basis: [key],
        ops: [
          { kind: 'delete', key },
          { kind: 'delete-prefix', prefix },
        ],
      };
    });
  }

  #changePrivilege(
    name: string,
    database: string,
    decide: (current: DatabasePrivilege) => DatabasePrivilege,
  ): Promise<void> {
    return this.#change(() => {
      const user = this.#findUser(name);
      const db = this.#findDatabase(database);
      const key = grantKey(db.id, user.id);
      const known = this.view.grant(user.id, db.id);
      const privilege = decide(known?.privilege ?? 'NO PRIVILEGES');
      if (known?.privilege === privilege) return nothing;
      const value = renderGrant({ dbId: db.id, userId: user.id, privilege });
      const basis = [userKey(name), databaseKey(database), key];
      return { basis, ops: [{ kind: 'put', key, value }] };
    });
  }

  #putUser(user: User): Change {
    const key = userKey(user.name);
    return { basis: [key], ops: [{ kind: 'put', key, value: renderUser(user) }] };
  }

  #findUser(name: string): User {
    const user = this.view.user(name);
    if (user === undefined) throw userNotFound();
    return user;
  }

  #findDatabase(name: string): Database {
    const db = this.#local.view.database(name);
    if (db === undefined) throw databaseNotFound(name);
    return db;
  }

  #findPolicy(database: string, policy: string): { db: Database; rp: RetentionPolicy } {
    const db = this.#findDatabase(database);
    const rp = this.#local.view.policy(db, policy);
    if (rp === undefined) throw policyNotFound(policy);
    return { db, rp };
  }

  async #change(decide: () => Change): Promise<void> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const { basis, ops } = decide();
      if (ops.length === 0) return;
      const guards = basis.map((key) => isUnchanged(key, this.#local.record(key)));
      const touch: MetaOp = { kind: 'put', key: mapVersionKey, value: '' };
      if (await this.#local.tryChange(guards, [...ops, touch])) return;
    }
    throw new CitadelError('unavailable', 'cannot change the catalog: too many changes');
  }
}
