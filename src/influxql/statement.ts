/**
 * The statements of InfluxQL other than SELECT, and the union of all of them.
 *
 * Names that were not given are '', clauses that were not given undefined, empty or 0.
 */

import type { Expr, Measurement, SelectStatement, SortField, Source } from './ast.ts';

export interface ExplainStatement {
  readonly kind: 'explain';
  readonly statement: SelectStatement;
  readonly analyze: boolean;
}

/** Paging and filter common to the SHOW statements; absent clauses are empty, undefined or 0. */
interface ShowClauses {
  /** From ON; '' = not given. */
  readonly database: string;
  readonly sources: readonly Source[];
  readonly condition: Expr | undefined;
  readonly limit: number;
  readonly offset: number;
}

interface OrderedShowClauses extends ShowClauses {
  readonly sortFields: readonly SortField[];
}

interface CardinalityClauses extends ShowClauses {
  readonly exact: boolean;
  readonly dimensions: readonly Expr[];
}

/** `WITH KEY = a`, `!= a`, `IN (a, b)`, `=~ /re/`, `!~ /re/`. */
export type TagKeyFilter =
  | { readonly op: '=' | '!='; readonly key: string }
  | { readonly op: 'IN'; readonly keys: readonly string[] }
  | { readonly op: '=~' | '!~'; readonly pattern: string };

export interface ShowMeasurementsStatement {
  readonly kind: 'show-measurements';
  readonly database: string;
  /** `ON db.rp`: '' = not given. */
  readonly policy: string;
  /** `ON *`, `ON *.*`, `ON db.*`. */
  readonly everyDatabase: boolean;
  readonly everyPolicy: boolean;
  /** From WITH MEASUREMENT. */
  readonly source: Measurement | undefined;
  readonly condition: Expr | undefined;
  readonly sortFields: readonly SortField[];
  readonly limit: number;
  readonly offset: number;
}

export interface ShowSeriesStatement extends OrderedShowClauses {
  readonly kind: 'show-series';
}

export interface ShowTagKeysStatement extends OrderedShowClauses {
  readonly kind: 'show-tag-keys';
  readonly filter: TagKeyFilter | undefined;
  readonly slimit: number;
  readonly soffset: number;
}

export interface ShowTagValuesStatement extends OrderedShowClauses {
  readonly kind: 'show-tag-values';
  readonly filter: TagKeyFilter;
}

export interface ShowFieldKeysStatement extends OrderedShowClauses {
  readonly kind: 'show-field-keys';
}

export interface ShowCardinalityStatement extends CardinalityClauses {
  readonly kind:
    | 'show-series-cardinality'
    | 'show-measurement-cardinality'
    | 'show-tag-key-cardinality'
    | 'show-field-key-cardinality';
}

export interface ShowTagValuesCardinalityStatement extends CardinalityClauses {
  readonly kind: 'show-tag-values-cardinality';
  readonly filter: TagKeyFilter;
}

export interface ShowRetentionPoliciesStatement {
  readonly kind: 'show-retention-policies';
  readonly database: string;
}

export interface ShowStatsStatement {
  readonly kind: 'show-stats' | 'show-diagnostics';
  readonly module: string;
}

export interface ShowGrantsStatement {
  readonly kind: 'show-grants';
  readonly user: string;
}

/** SHOW statements without clauses. */
export interface PlainShowStatement {
  readonly kind:
    | 'show-databases'
    | 'show-queries'
    | 'show-users'
    | 'show-shards'
    | 'show-shard-groups'
    | 'show-continuous-queries'
    | 'show-subscriptions';
}

/** Options of a retention policy; undefined = not given. A duration of 0n means for ever (INF). */
export interface PolicyClauses {
  readonly durationNs: bigint | undefined;
  readonly shardGroupDurationNs: bigint | undefined;
  readonly replication: number | undefined;
  readonly futureLimitNs: bigint | undefined;
  readonly pastLimitNs: bigint | undefined;
}

export interface CreateDatabaseStatement {
  readonly kind: 'create-database';
  readonly name: string;
  /** Undefined without WITH. */
  readonly policy: (PolicyClauses & { readonly name: string }) | undefined;
}

export interface RetentionPolicyStatement extends PolicyClauses {
  readonly kind: 'create-retention-policy' | 'alter-retention-policy';
  readonly name: string;
  readonly database: string;
  readonly isDefault: boolean;
}

/** Drops of something that has only a name. */
export interface DropByNameStatement {
  readonly kind: 'drop-database' | 'drop-measurement' | 'drop-user';
  readonly name: string;
}

/** Drops of something that lives in a database. */
export interface DropInDatabaseStatement {
  readonly kind: 'drop-retention-policy' | 'drop-continuous-query';
  readonly name: string;
  readonly database: string;
}

export interface DropShardStatement {
  readonly kind: 'drop-shard';
  readonly id: bigint;
}

/** Sources are measurements only. */
export interface DeleteStatement {
  readonly kind: 'delete' | 'drop-series';
  readonly sources: readonly Source[];
  readonly condition: Expr | undefined;
}

export interface CreateUserStatement {
  readonly kind: 'create-user';
  readonly name: string;
  readonly password: string;
  readonly admin: boolean;
}

export interface SetPasswordStatement {
  readonly kind: 'set-password';
  readonly name: string;
  readonly password: string;
}

export type Privilege = 'READ' | 'WRITE' | 'ALL PRIVILEGES';

export interface GrantStatement {
  readonly kind: 'grant' | 'revoke';
  readonly privilege: Privilege;
  /** Undefined = the admin right. */
  readonly database: string | undefined;
  readonly user: string;
}

export interface KillQueryStatement {
  readonly kind: 'kill-query';
  readonly id: bigint;
  readonly host: string;
}

export interface CreateSubscriptionStatement {
  readonly kind: 'create-subscription';
  readonly name: string;
  readonly database: string;
  readonly policy: string;
  readonly mode: 'ALL' | 'ANY';
  readonly destinations: readonly string[];
}

export interface DropSubscriptionStatement {
  readonly kind: 'drop-subscription';
  readonly name: string;
  readonly database: string;
  readonly policy: string;
}

export interface CreateContinuousQueryStatement {
  readonly kind: 'create-continuous-query';
  readonly name: string;
  readonly database: string;
  readonly source: SelectStatement;
  /** 0n = not given, each. */
  readonly resampleEveryNs: bigint;
  readonly resampleForNs: bigint;
}

export type Statement =
  | SelectStatement
  | ExplainStatement
  | ShowMeasurementsStatement
  | ShowSeriesStatement
  | ShowTagKeysStatement
  | ShowTagValuesStatement
  | ShowFieldKeysStatement
  | ShowCardinalityStatement
  | ShowTagValuesCardinalityStatement
  | ShowRetentionPoliciesStatement
  | ShowStatsStatement
  | ShowGrantsStatement
  | PlainShowStatement
  | CreateDatabaseStatement
  | RetentionPolicyStatement
  | DropByNameStatement
  | DropInDatabaseStatement
  | DropShardStatement
  | DeleteStatement
  | CreateUserStatement
  | SetPasswordStatement
  | GrantStatement
  | KillQueryStatement
  | CreateSubscriptionStatement
  | DropSubscriptionStatement
  | CreateContinuousQueryStatement;
