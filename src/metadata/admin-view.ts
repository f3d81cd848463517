/**
 * Users, grants, continuous queries and subscriptions as everyone reads them, and how they change.
 *
 * Grants, continuous queries and subscriptions hang on the id of their database (and policy), never on a
 * name: what is left of a dropped one never meets a new one of that name.
 */

export type DatabasePrivilege = 'READ' | 'WRITE' | 'ALL PRIVILEGES' | 'NO PRIVILEGES';

export interface User {
  /** 16 hex digits, random, never reused. */
  readonly id: string;
  readonly name: string;
  /** As `Passwords` made it; never shown. */
  readonly passwordHash: string;
  readonly isAdmin: boolean;
}

export interface Grant {
  readonly dbId: string;
  readonly userId: string;
  readonly privilege: DatabasePrivilege;
}

export interface ContinuousQuery {
  readonly dbId: string;
  readonly name: string;
  /** The whole statement, normalised: every name of a source qualified. */
  readonly text: string;
  /** Wall clock, ns since the Unix epoch; undefined = made by an earlier release. */
  readonly createdNs: bigint | undefined;
}

export interface Subscription {
  /** Random, never reused: of the same name made again it is another one. */
  readonly id: string;
  readonly dbId: string;
  readonly rpId: string;
  readonly name: string;
  /** Wall clock, ms since the Unix epoch; what was written before is not sent. */
  readonly createdMs: number;
  readonly mode: 'ALL' | 'ANY';
  /** URLs. */
  readonly destinations: readonly string[];
}

/** Every list in order of creation. */
export interface AdminView {
  readonly users: readonly User[];
  user(name: string): User | undefined;
  grants(userId: string): readonly Grant[];
  grant(userId: string, dbId: string): Grant | undefined;
  continuousQueries(dbId: string): readonly ContinuousQuery[];
  subscriptions(dbId: string): readonly Subscription[];
}

export interface NewContinuousQuery {
  readonly database: string;
  readonly name: string;
  readonly text: string;
  /** Wall clock, ns since the Unix epoch. */
  readonly createdNs?: bigint | undefined;
}

export interface SubscriptionName {
  readonly database: string;
  readonly policy: string;
  readonly name: string;
}

/**
 * Each one guarded transaction, visible in `view` before it resolves. Errors carry InfluxDB's messages:
 * `not-found`, `already-exists`, `invalid-argument`.
 */
export interface AdminCatalog {
  readonly view: AdminView;
  /** One that is there with the same password and right is fine. */
  createUser(name: string, password: string, isAdmin: boolean): Promise<void>;
  dropUser(name: string): Promise<void>;
  setPassword(name: string, password: string): Promise<void>;
  setAdmin(name: string, isAdmin: boolean): Promise<void>;
  /** Replaces what the user may do on the database. */
  grant(name: string, database: string, privilege: DatabasePrivilege): Promise<void>;
  /** Takes away; the user's entry for the database stays. */
  revoke(name: string, database: string, privilege: DatabasePrivilege): Promise<void>;
  /** One that is there with the same text is fine. */
  createContinuousQuery(query: NewContinuousQuery): Promise<void>;
  dropContinuousQuery(database: string, name: string): Promise<void>;
  createSubscription(
    subject: SubscriptionName,
    target: Pick<Subscription, 'mode' | 'destinations' | 'createdMs'>,
  ): Promise<void>;
  dropSubscription(subject: SubscriptionName): Promise<void>;
}
