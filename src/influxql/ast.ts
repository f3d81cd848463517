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
