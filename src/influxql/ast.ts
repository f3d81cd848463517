/**
 * The syntax tree of InfluxQL: plain read-only objects told apart by `kind`.
 *
 * Integers and durations (ns) are bigint, regular expressions are kept as their RE2 source, which the
 * parser has compiled once to prove it valid. Nothing here knows the schema: names are as written.
 */

import type { FieldType } from '../model/field-type.ts';

/** `x::float` and the like; `field` and `tag` choose between two columns of one name. */
export type CastType = FieldType | 'field' | 'tag';

export type BinaryOp =
  | 'OR'
  | 'AND'
  | '='
  | '!='
  | '=~'
  | '!~'
  | '<'
  | '<='
  | '>'
  | '>='
  | '+'
  | '-'
  | '|'
  | '^'
  | '*'
  | '/'
  | '%'
  | '&';

export interface VarRef {
  readonly kind: 'var-ref';
  /** Dotted parts are joined: `a.b` is the one name "a.b". */
  readonly name: string;
  readonly cast: CastType | undefined;
}

export interface Call {
  readonly kind: 'call';
  /** Lower case. */
  readonly name: string;
  readonly args: readonly Expr[];
}

export interface BinaryExpr {
  readonly kind: 'binary';
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
}

export interface ParenExpr {
  readonly kind: 'paren';
  readonly expr: Expr;
}

export interface Wildcard {
  readonly kind: 'wildcard';
  readonly only: 'field' | 'tag' | undefined;
}

/** `DISTINCT x` without parentheses; `rewriteDistinct` makes it a call. */
export interface Distinct {
  readonly kind: 'distinct';
  readonly name: string;
}

export interface NumberLiteral {
  readonly kind: 'number';
  readonly value: number;
}

export interface IntegerLiteral {
  readonly kind: 'integer';
  readonly value: bigint;
}

/** An integer beyond int64. */
export interface UnsignedLiteral {
  readonly kind: 'unsigned';
  readonly value: bigint;
}

export interface StringLiteral {
  readonly kind: 'string';
  readonly value: string;
}

export interface BooleanLiteral {
  readonly kind: 'boolean';
  readonly value: boolean;
}

export interface DurationLiteral {
  readonly kind: 'duration';
  readonly ns: bigint;
}

/** Never parsed: comes of reducing `now()` and time strings. Not bounded to int64. */
export interface TimeLiteral {
  readonly kind: 'time';
  readonly ns: bigint;
}

export interface RegexLiteral {
  readonly kind: 'regex';
  /** RE2 syntax, unanchored, `\/` already turned into `/`. */
  readonly pattern: string;
}

/** Never parsed: what a constant without a value reduces to. */
export interface NilLiteral {
  readonly kind: 'nil';
}

export type Literal =
  | NumberLiteral
  | IntegerLiteral
  | UnsignedLiteral
  | StringLiteral
  | BooleanLiteral
  | DurationLiteral
  | TimeLiteral
  | RegexLiteral
  | NilLiteral;

export type Expr = VarRef | Call | BinaryExpr | ParenExpr | Wildcard | Distinct | Literal;

/** Exactly one of a non-empty `name` and `regex`; a target `:MEASUREMENT` has neither. */
export interface Measurement {
  readonly kind: 'measurement';
  /** '' = not given. */
  readonly database: string;
  /** '' = not given. */
  readonly policy: string;
  readonly name: string;
  readonly regex: string | undefined;
  /** True in INTO. */
  readonly isTarget: boolean;
}

export interface SubQuery {
  readonly kind: 'subquery';
  readonly statement: SelectStatement;
}

export type Source = Measurement | SubQuery;

export interface Field {
  readonly expr: Expr;
  /** '' = none. */
  readonly alias: string;
}

export type Fill =
  | { readonly kind: 'null' | 'none' | 'previous' | 'linear' }
  /** bigint when written as an integer. */
  | { readonly kind: 'value'; readonly value: number | bigint };

/** ORDER BY; `name` is '' for a bare ASC or DESC. */
export interface SortField {
  readonly name: string;
  readonly ascending: boolean;
}

export interface SelectStatement {
  readonly kind: 'select';
  readonly fields: readonly Field[];
  readonly target: Measurement | undefined;
  readonly sources: readonly Source[];
  readonly condition: Expr | undefined;
  readonly dimensions: readonly Expr[];
  readonly fill: Fill;
  readonly sortFields: readonly SortField[];
  /** 0 = none, each. */
  readonly limit: number;
  readonly offset: number;
  readonly slimit: number;
  readonly soffset: number;
  /** IANA zone of tz(); undefined = UTC. */
  readonly zone: string | undefined;
}

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
