/**
 * What the query engine needs from outside; the broker implements it. `query` itself is pure.
 */

import type { FieldType } from '../model/field-type.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../model/plan.ts';

export interface QuerySchema {
  /** InfluxDB's message on failure: `database not found: x`, `retention policy not found: x`. */
  resolve(
    database: string,
    policy: string | undefined,
  ): { dbId: string; rpId: string; rpName: string };
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
