/**
 * What the query engine needs from outside; the broker implements it. `query` itself is pure.
 */

import type { Column } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../model/plan.ts';

export interface ResolvedPolicy {
  readonly dbId: string;
  readonly rpId: string;
  readonly rpName: string;
  /** Length of a shard group. */
  readonly shardGroupNs: bigint;
}

export interface QuerySchema {
  /** InfluxDB's message on failure: `database not found: x`, `retention policy not found: x`. */
  resolve(database: string, policy: string | undefined): ResolvedPolicy;
  /** In order of creation, each; `defaultPolicy` may name none of them. */
  databases(): readonly {
    readonly name: string;
    readonly policies: readonly string[];
    readonly defaultPolicy: string;
  }[];
  /** Registered type per field of a measurement. */
  fields(dbId: string, measurement: string): ReadonlyMap<string, FieldType> | undefined;
}

export interface QueryLimits {
  /** 0 = unlimited, each. */
  readonly maxSelectPoint: number;
  readonly maxSelectSeries: number;
  readonly maxSelectBuckets: number;
}

export interface QueryPorts {
  readonly schema: QuerySchema;
  readonly limits: QueryLimits;
  /** Every shard is covered by the streams together, or iterating one of them throws. */
  scan(plan: ShardPlan, signal: AbortSignal): readonly AsyncIterable<ScanBlock>[];
  schemaScan(plan: SchemaPlan, signal: AbortSignal): readonly AsyncIterable<SchemaBlock>[];
}

/** Where SELECT ... INTO writes; '' = the default. */
export interface RowTarget {
  readonly database: string;
  readonly policy: string;
}

/** Result rows on their way back into the store. */
export interface StoredRows {
  readonly measurement: string;
  /** Of every row, sorted by key, none empty. */
  readonly tags: readonly (readonly [key: string, value: string])[];
  /** Tags that differ from row to row; null and '' = the row lacks it. */
  readonly rowTags: readonly { readonly key: string; readonly column: Column | undefined }[];
  readonly times: BigInt64Array;
  readonly fields: readonly { readonly name: string; readonly column: Column }[];
  /** Which rows are to be stored: each has a value at least, and no float that is infinite or NaN. */
  readonly rows: Uint32Array;
}

export interface RowSink {
  /** @throws CitadelError `not-found`: `database not found: x`, `retention policy not found: x` */
  check(target: RowTarget): void;
  /**
   * Resolves when all rows are stored, as a write by a client does. Rows that were refused (types of
   * fields, retention) end it with `invalid-argument` after the others are stored.
   */
  store(target: RowTarget, batch: readonly StoredRows[]): Promise<void>;
}
