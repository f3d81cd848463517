/** The local copy of users, grants, continuous queries and subscriptions; `LocalCatalog` feeds it. */

import { readContinuousQuery, readGrant, readSubscription, readUser } from './admin-records.ts';
import type { AdminView, ContinuousQuery, Grant, Subscription, User } from './admin-view.ts';
import {
  continuousQueriesPrefix,
  grantKey,
  grantsPrefix,
  subscriptionsPrefix,
  userKey,
  usersPrefix,
} from './meta-keys.ts';
import type { MetaChange, MetaRecord } from './meta-store.ts';

interface Known<T> {
  readonly record: MetaRecord;
  readonly value: T;
}

/** Records of one kind by key. */
class Kind<T> {
  readonly prefix: string;
  readonly #read: (record: MetaRecord) => T;
  readonly #known = new Map<string, Known<T>>();
  #sorted: readonly T[] | undefined;

  constructor(prefix: string, read: (record: MetaRecord) => T) {
    this.prefix = prefix;
    this.#read = read;
  }

  /** In order of creation. */
  get values(): readonly T[] {
    this.#sorted ??= [...this.#known.values()]
      .sort((a, b) => a.record.createRevision - b.record.createRevision)
      .map(({ value }) => value);
    return this.#sorted;
  }

  get(key: string): Known<T> | undefined {
    return this.#known.get(key);
  }

  apply(change: MetaChange): void {
    this.#sorted = undefined;
    if (change.kind === 'delete') {
      this.#known.delete(change.key);
      return;
    }
    const { record } = change;
    this.#known.set(record.key, { record, value: this.#read(record) });
  }

  clear(): void {
    this.#sorted = undefined;
    this.#known.clear();
  }
}

export class LocalAdmin implements AdminView {
  readonly #users = new Kind<User>(usersPrefix, readUser);
  readonly #grants = new Kind<Grant>(grantsPrefix, readGrant);
  readonly #queries = new Kind<ContinuousQuery>(continuousQueriesPrefix, readContinuousQuery);
  readonly #subscriptions = new Kind<Subscription>(subscriptionsPrefix, readSubscription);

  get users(): readonly User[] {
    return this.#users.values;
  }

  user(name: string): User | undefined {
    return this.#users.get(userKey(name))?.value;
  }

  grants(userId: string): readonly Grant[] {
    return this.#grants.values.filter((grant) => grant.userId === userId);
  }

  grant(userId: string, dbId: string): Grant | undefined {
    return this.#grants.get(grantKey(dbId, userId))?.value;
  }

  continuousQueries(dbId: string): readonly ContinuousQuery[] {
    return this.#queries.values.filter((query) => query.dbId === dbId);
  }

  subscriptions(dbId: string): readonly Subscription[] {
    return this.#subscriptions.values.filter((subscription) => subscription.dbId === dbId);
  }

  /** The record behind a key, for the guard of a change. */
  record(key: string): MetaRecord | undefined {
    return this.#kindOf(key)?.get(key)?.record;
  }

  /**
   * Takes a change if it is of these records; says whether.
   *
   * @throws CitadelError `corrupt`, `unsupported-version`
   */
  apply(change: MetaChange): boolean {
    const kind = this.#kindOf(change.kind === 'put' ? change.record.key : change.key);
    kind?.apply(change);
    return kind !== undefined;
  }

  clear(): void {
    for (const kind of this.#kinds()) kind.clear();
  }

  #kinds() {
    return [this.#users, this.#grants, this.#queries, this.#subscriptions] as const;
  }

  #kindOf(key: string) {
    return this.#kinds().find(({ prefix }) => key.startsWith(prefix));
  }
}
