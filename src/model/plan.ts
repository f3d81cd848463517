/**
 * The shard's half of a query, and what it answers. Plain data (structured-clone and JSON-able but
 * for typed arrays and bigints), made by `query`, run by `tstore` with the kernels of `scan`, carried by `rpc`.
 */

import type { Column } from './column.ts';
import type { FieldType } from './field-type.ts';
import type { TimeRange } from './time.ts';

/**
 * A row expression over fields, tags and literals; no aggregates. `time` never occurs (it is the range).
 * A reference carries what it was resolved to; a tag that a series lacks is the empty string, a field
 * that a row lacks is null. Semantics of operators on mixed types: `shared` InfluxQL rules (see scan/).
 */
export type RowExpr =
  | { readonly kind: 'field'; readonly name: string; readonly type: FieldType }
  | { readonly kind: 'tag'; readonly name: string }
  /** Pseudo tag `_name`. */
  | { readonly kind: 'measurement' }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'unsigned'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  /** `pattern` in RE2 syntax, unanchored. */
  | { readonly kind: 'regex'; readonly pattern: string }
  | {
      readonly kind: 'binary';
      readonly op: BinaryOp;
      readonly left: RowExpr;
      readonly right: RowExpr;
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly RowExpr[] };

export type BinaryOp =
  | 'and'
  | 'or'
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '=~'
  | '!~'
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^';

/** One measurement of one retention policy: what every shard of it must do. */
export interface ShardPlan {
  /** 16 hex digits each. */
  readonly dbId: string;
  readonly rpId: string;
  readonly measurement: string;
  readonly range: TimeRange;
  /** True for a row or it does not count; undefined = every row. */
  readonly where: RowExpr | undefined;
  /** Tag keys that split the answer into groups, sorted; missing tag = ''. */
  readonly dimensions: readonly string[];
  readonly descending: boolean;
  readonly output: RawOutput | AggregateOutput;
}

export interface ColumnRef {
  readonly source: 'field' | 'tag';
  readonly name: string;
  /** Of a field; of a tag always 'string'. */
  readonly type: FieldType;
}

/**
 * Rows as they are. A row is emitted when at least one of the *field* columns has a value there.
 * `rowLimit`: per group no more than this many rows are needed (0 = all).
 */
export interface RawOutput {
  readonly kind: 'raw';
  readonly columns: readonly ColumnRef[];
  readonly rowLimit: number;
}

export type PushdownFn =
  | 'count'
  | 'sum'
  | 'mean'
  | 'min'
  | 'max'
  | 'first'
  | 'last'
  | 'spread'
  | 'stddev'
  | 'distinct';

export interface AggregateSpec {
  readonly fn: PushdownFn;
  readonly field: string;
  readonly type: FieldType;
}

/**
 * Windows [k * interval + offset, (k + 1) * interval + offset) counted from the Unix epoch; the whole
 * range is one window when `intervalNs` is 0n. With `extras` (only beside one single selector:
 * first, last, min, max) the other columns of the selected row come along.
 */
export interface AggregateOutput {
  readonly kind: 'aggregate';
  readonly aggregates: readonly AggregateSpec[];
  readonly intervalNs: bigint;
  readonly offsetNs: bigint;
  readonly extras: readonly ColumnRef[];
  /** 0 = unlimited; more buckets than this over all groups: `limit-exceeded`. */
  readonly bucketLimit: number;
}

/**
 * Rows of one group, in time order, equal times in order of the series key (descending plans: all of it reversed).
 * Groups come in ascending byte order of their values joined by NUL (descending plans: reversed); a group may span many blocks.
 */
export interface RawBlock {
  readonly kind: 'raw';
  /** Values of the plan's dimensions, in their order. */
  readonly group: readonly string[];
  readonly times: BigInt64Array;
  /** One per asked column; undefined = null in every row. */
  readonly columns: readonly (Column | undefined)[];
  /** Escaped series keys, sorted; for ordering equal times across streams. */
  readonly series: readonly string[];
  readonly seriesOfRow: Uint32Array;
}

/**
 * Partial aggregates of one group from one or several shards: exactly one block per group and stream.
 * Windows ascending, only those in which some aggregate has a value.
 */
export interface AggregateBlock {
  readonly kind: 'aggregate';
  readonly group: readonly string[];
  /** Window starts (ns); with interval 0 one entry, meaningless. */
  readonly windows: BigInt64Array;
  /** One per aggregate of the plan. Row i belongs to windows[i]. */
  readonly partials: readonly Partial[];
}

/** `counts[i]` = cells seen in window i; 0 = this aggregate has no value there. */
export type Partial =
  | { readonly fn: 'count'; readonly counts: Float64Array }
  /** Integer sums wrap in 64 bits. `sums` is float/integer/unsigned as the field is. */
  | { readonly fn: 'sum' | 'mean'; readonly counts: Float64Array; readonly sums: Column }
  | {
      readonly fn: 'min' | 'max' | 'first' | 'last';
      readonly counts: Float64Array;
      readonly values: Column;
      readonly times: BigInt64Array;
      /** The plan's extras at the selected row. */
      readonly extras: readonly (Column | undefined)[];
    }
  | {
      readonly fn: 'spread';
      readonly counts: Float64Array;
      readonly mins: Column;
      readonly maxs: Column;
    }
  /** Welford: mean and sum of squared deviations, mergeable by Chan's formula. */
  | {
      readonly fn: 'stddev';
      readonly counts: Float64Array;
      readonly means: Float64Array;
      readonly m2: Float64Array;
    }
  /** Window i has values [starts[i], starts[i+1]), in order of first occurrence. */
  | {
      readonly fn: 'distinct';
      readonly counts: Float64Array;
      readonly starts: Uint32Array;
      readonly values: Column;
      readonly firstTimes: BigInt64Array;
    };

export type ScanBlock = RawBlock | AggregateBlock;

/** Questions about series and fields, answered from the index without reading points. */
export interface SchemaPlan {
  readonly dbId: string;
  /** Undefined = every retention policy. */
  readonly rpId: string | undefined;
  /** Undefined = every measurement. */
  readonly measurements: readonly string[] | undefined;
  /** Tags only. */
  readonly where: RowExpr | undefined;
  /** Partitions outside are not asked; may over-report within one. Undefined = no bound. */
  readonly range: TimeRange | undefined;
  readonly ask: SchemaAsk;
}

export type SchemaAsk =
  | { readonly kind: 'measurements' }
  /** Escaped series keys, as SHOW SERIES prints them. */
  | { readonly kind: 'series' }
  | { readonly kind: 'tag-keys' }
  /** Values of these tag keys; undefined = of every key. */
  | { readonly kind: 'tag-values'; readonly keys: readonly string[] | undefined }
  /** Fields that have data, with type. */
  | { readonly kind: 'fields' }
  /** Fields and tag keys in one answer; the type of a tag is 'tag'. */
  | { readonly kind: 'columns' }
  /** How many series, per measurement. */
  | { readonly kind: 'series-count' };

/** Rows of a schema answer, in blocks, unsorted, deduplicated within one stream. */
export interface SchemaBlock {
  readonly measurement: string;
  /** measurements: none; series: key; tag-keys: key; fields: name. */
  readonly keys: readonly string[];
  /** tag-values: value per key; fields, columns: type per key; else empty. */
  readonly values: readonly string[];
  /** series-count only, else 0. */
  readonly count: number;
}

/** What a delete hides: canonical, so that all replicas agree. Stored in the log as JSON bytes (bigints as strings). */
export interface DeletePredicate {
  /** Undefined = every retention policy of the database. */
  readonly rpId: string | undefined;
  /** Undefined = every measurement. */
  readonly measurements: readonly string[] | undefined;
  /** Tags only; undefined = every series. */
  readonly where: RowExpr | undefined;
  readonly range: TimeRange;
}
