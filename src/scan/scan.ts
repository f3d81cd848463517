/**
 * The shard's half of a query over decoded columns: what a plan asks of a series, which rows count,
 * and the blocks that answer it. Pure: reads nothing, knows no files.
 *
 * How an engine drives it, one plan on one shard:
 *
 *   const scan = createShardScan(plan);
 *   for each series of the measurement that has one of scan.fields: scan.bindSeries(name, key)   // undefined: skip it
 *   for each group (bindings with equal groupKey; order by groupKey, descending plans reversed):
 *     const group = scan.openGroup(binding.group);
 *     for each time slice in plan order, each of its series, each batch of resolved rows cut to plan.range:
 *       group.addBatch(binding, batch)        // or group.addSummaries(...) for a whole chunk
 *     raw plans: at the end of each time slice, yield group.drain(); stop the group when group.isFull
 *     at the end of the group yield group.finish()
 */

import type { ColumnBatch } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';
import type { ScanBlock, ShardPlan } from '../model/plan.ts';
import type { SeriesName } from '../model/series-key.ts';
import type { ColumnSummary } from './column-summary.ts';

export interface ScanField {
  readonly name: string;
  readonly type: FieldType;
}

/** A series that takes part, with what its tags leave of the condition. */
export interface SeriesBinding {
  /** Values of the plan's dimensions. */
  readonly group: readonly string[];
  /** The same joined by NUL. */
  readonly groupKey: string;
  /** Escaped series key: orders rows of equal time. */
  readonly seriesKey: string;
}

export interface GroupScan {
  /** Rows of one series, cut to the plan's range; batches of one series in plan order, not overlapping. */
  addBatch(series: SeriesBinding, batch: ColumnBatch): void;
  /**
   * A whole chunk inside the plan's range, by its summaries: one per field of the scan, undefined =
   * no cell. False = cannot be answered this way and nothing was added: read the cells.
   */
  addSummaries(
    series: SeriesBinding,
    base: bigint,
    summaries: readonly (ColumnSummary | undefined)[],
  ): boolean;
  /** Raw plans: rows gathered so far in plan order; every later batch must lie after them in it. */
  drain(): ScanBlock[];
  /** The last blocks of the group. Nothing may be added after it. */
  finish(): ScanBlock[];
  /** Raw plans: enough rows were drained (`rowLimit`); the rest of the group need not be read. */
  readonly isFull: boolean;
  /** Bytes held, roughly: for the memory budget of a query. */
  readonly memoryBytes: number;
}

export interface ShardScan {
  /** Fields to read: `batch.columns[i]` and `summaries[i]` belong to `fields[i]`. */
  readonly fields: readonly ScanField[];
  /** Fields of which a series must have at least one cell to add anything: indexes into `fields`. */
  readonly outputFields: readonly number[];
  /** Whether `addSummaries` can ever say yes for this series: else do not ask. */
  summariesUseful(series: SeriesBinding): boolean;
  /** Undefined: no row of this series can count. `seriesKey` is escaped. */
  bindSeries(name: SeriesName, seriesKey: string): SeriesBinding | undefined;
  /** Throws `limit-exceeded` later, from `addBatch`, when all groups together hold too many buckets. */
  openGroup(group: readonly string[]): GroupScan;
}

export function createShardScan(plan: ShardPlan): ShardScan {
  throw new Error(`not there yet: ${plan.measurement}`);
}
