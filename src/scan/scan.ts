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

import { invariant } from '../base/errors.ts';
import type { Column, ColumnBatch } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';
import type { AggregateOutput, ColumnRef, RowExpr, ScanBlock, ShardPlan } from '../model/plan.ts';
import type { SeriesName } from '../model/series-key.ts';
import { AggregateGroup } from './aggregate-group.ts';
import { coerceColumn } from './coerce-column.ts';
import type { ColumnSummary } from './column-summary.ts';
import { compileMask, type RowMask } from './evaluate.ts';
import { countRows, filterBatch } from './filter-rows.ts';
import { RawGroup } from './raw-group.ts';
import { SeriesFilters } from './series-filters.ts';
import { tagSource } from './tag-condition.ts';
import { BucketBudget } from './window-slots.ts';

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
  /** Whether summaries of a chunk with these first and last times are worth reading. */
  takesSpan(first: bigint, last: bigint): boolean;
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
  return new PlannedScan(plan);
}

/** What the public binding carries inside. */
class BoundSeries implements SeriesBinding {
  readonly group: readonly string[];
  readonly groupKey: string;
  readonly seriesKey: string;
  /** Undefined: every row passes. */
  readonly mask: RowMask | undefined;
  /** Values of the plan's tag columns (raw) or tag extras, by their place; '' elsewhere. */
  readonly tags: readonly string[];

  constructor(
    group: readonly string[],
    seriesKey: string,
    mask: RowMask | undefined,
    tags: readonly string[],
  ) {
    this.group = group;
    this.groupKey = group.join('\0');
    this.seriesKey = seriesKey;
    this.mask = mask;
    this.tags = tags;
  }
}

function boundSeries(series: SeriesBinding): BoundSeries {
  invariant(series instanceof BoundSeries, 'a series binding comes from bindSeries');
  return series;
}

/** Where a column of the output comes from: a field of the batch, or a tag of the series. */
interface Source {
  /** Index of the field; -1 for a tag. */
  readonly field: number;
  readonly type: FieldType;
}

class PlannedScan implements ShardScan {
  readonly fields: readonly ScanField[];
  readonly outputFields: readonly number[];
  readonly #fieldList: FieldList;
  readonly #plan: ShardPlan;
  readonly #filters: SeriesFilters<RowMask>;
  readonly #budget: BucketBudget;
  /** Columns of a raw plan, or the extras of an aggregating one. */
  readonly #columns: readonly ColumnRef[];
  readonly #columnSources: readonly Source[];
  /** Of an aggregating plan. */
  readonly #aggregateSources: readonly Source[];
  readonly #allowsSummaries: boolean;

  constructor(plan: ShardPlan) {
    const { output, where } = plan;
    const fields = new FieldList();
    const wanted: readonly ScanField[] =
      output.kind === 'raw'
        ? output.columns.filter((column) => column.source === 'field')
        : output.aggregates.map(({ field, type }) => ({ name: field, type }));
    this.outputFields = [...new Set(wanted.map(({ name, type }) => fields.indexOf(name, type)))];
    this.#columns = output.kind === 'raw' ? output.columns : output.extras;
    for (const { source, name, type } of this.#columns) {
      if (source === 'field') fields.indexOf(name, type);
    }
    if (where) addFields(where, fields);
    this.fields = fields.list;
    this.#fieldList = fields;
    this.#plan = plan;
    const find = (name: string, type: string): number => fields.indexOf(name, type as FieldType);
    this.#filters = new SeriesFilters(where, (rest) => compileMask(rest, find));
    this.#budget = new BucketBudget(output.kind === 'raw' ? 0 : output.bucketLimit);
    this.#columnSources = this.#columns.map((column) => this.#sourceOf(column));
    const aggregates = output.kind === 'aggregate' ? output.aggregates : [];
    this.#aggregateSources = aggregates.map(({ field, type }) =>
      this.#sourceOf({ source: 'field', name: field, type }),
    );
    this.#allowsSummaries = output.kind === 'aggregate' && summariesAllowed(output);
  }

  bindSeries(name: SeriesName, seriesKey: string): SeriesBinding | undefined {
    const tags = tagSource(name);
    const mask = this.#filters.filterOf(tags);
    if (mask === false) return undefined;
    const group = this.#plan.dimensions.map((key) => tags.tag(key));
    const texts = this.#columns.map((column) =>
      column.source === 'tag' ? tags.tag(column.name) : '',
    );
    return new BoundSeries(group, seriesKey, mask === true ? undefined : mask, texts);
  }

  summariesUseful(series: SeriesBinding): boolean {
    return this.#allowsSummaries && boundSeries(series).mask === undefined;
  }

  openGroup(group: readonly string[]): GroupScan {
    const { output, descending } = this.#plan;
    const columns = this.#columnSources;
    if (output.kind === 'raw') {
      return new RawGroupScan(new RawGroup(output, group, descending), this.fields, columns);
    }
    const accumulators = new AggregateGroup(output, group, this.#budget);
    return new AggregateGroupScan(accumulators, this.fields, this.#aggregateSources, columns);
  }

  #sourceOf(column: ColumnRef): Source {
    const { source, name, type } = column;
    return { field: source === 'tag' ? -1 : this.#fieldList.indexOf(name, type), type };
  }
}

/** A sum or extreme can come from a summary, deviations, distinct values and whole rows cannot. */
function summariesAllowed({ aggregates, extras }: AggregateOutput): boolean {
  if (extras.length > 0) return false;
  return aggregates.every(
    ({ fn, type }) => fn !== 'stddev' && fn !== 'distinct' && type !== 'string',
  );
}

class FieldList {
  readonly list: ScanField[] = [];
  readonly #places = new Map<string, number>();

  /** Adds the field when it is new. */
  indexOf(name: string, type: FieldType): number {
    const key = `${type} ${name}`;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = this.list.push({ name, type }) - 1;
    this.#places.set(key, place);
    return place;
  }
}

function addFields(expr: RowExpr, fields: FieldList): void {
  if (expr.kind === 'field') fields.indexOf(expr.name, expr.type);
  if (expr.kind === 'call') for (const arg of expr.args) addFields(arg, fields);
  if (expr.kind === 'binary') {
    addFields(expr.left, fields);
    addFields(expr.right, fields);
  }
}

/** Rows that pass, with every column of the type the plan asks for; undefined = none passes. */
function selectRows(
  series: BoundSeries,
  batch: ColumnBatch,
  fields: readonly ScanField[],
): ColumnBatch | undefined {
  const isTyped = batch.columns.every((column, i) => !column || column.type === fields[i]?.type);
  const typed = isTyped
    ? batch
    : { ...batch, columns: fields.map(({ type }, i) => coerceColumn(batch.columns[i], type)) };
  if (!series.mask) return typed;
  const mask = series.mask(typed);
  return countRows(mask) === 0 ? undefined : filterBatch(typed, mask);
}

class RawGroupScan implements GroupScan {
  readonly #rows: RawGroup;
  readonly #fields: readonly ScanField[];
  readonly #columns: readonly Source[];

  constructor(rows: RawGroup, fields: readonly ScanField[], columns: readonly Source[]) {
    this.#rows = rows;
    this.#fields = fields;
    this.#columns = columns;
  }

  addBatch(series: SeriesBinding, batch: ColumnBatch): void {
    const bound = boundSeries(series);
    const rows = selectRows(bound, batch, this.#fields);
    if (!rows) return;
    const columns = this.#columns.map(({ field }, i) =>
      field < 0 ? bound.tags[i]! : rows.columns[field],
    );
    this.#rows.addRows(bound.seriesKey, rows, columns);
  }

  takesSpan(): boolean {
    return false;
  }

  addSummaries(): boolean {
    return false;
  }

  drain(): ScanBlock[] {
    return this.#rows.drain();
  }

  finish(): ScanBlock[] {
    return this.#rows.drain();
  }

  get isFull(): boolean {
    return this.#rows.isFull;
  }

  get memoryBytes(): number {
    return this.#rows.memoryBytes;
  }
}

class AggregateGroupScan implements GroupScan {
  readonly isFull = false;
  readonly #group: AggregateGroup;
  readonly #fields: readonly ScanField[];
  readonly #aggregates: readonly Source[];
  readonly #extras: readonly Source[];

  constructor(
    group: AggregateGroup,
    fields: readonly ScanField[],
    aggregates: readonly Source[],
    extras: readonly Source[],
  ) {
    this.#group = group;
    this.#fields = fields;
    this.#aggregates = aggregates;
    this.#extras = extras;
  }

  addBatch(series: SeriesBinding, batch: ColumnBatch): void {
    const bound = boundSeries(series);
    const rows = selectRows(bound, batch, this.#fields);
    if (!rows) return;
    const columns = this.#aggregates.map(({ field }) => rows.columns[field]);
    if (columns.every((column) => column === undefined)) return;
    const extras = this.#extras.map(({ field }, i) =>
      field < 0 ? textColumn(bound.tags[i]!, rows.rowCount) : rows.columns[field],
    );
    this.#group.addRows(rows, columns, extras);
  }

  takesSpan(first: bigint, last: bigint): boolean {
    return this.#group.takesSpan(first, last);
  }

  addSummaries(
    series: SeriesBinding,
    base: bigint,
    summaries: readonly (ColumnSummary | undefined)[],
  ): boolean {
    if (boundSeries(series).mask) return false;
    return this.#group.addSummaries(
      base,
      this.#aggregates.map(({ field }) => summaries[field]),
    );
  }

  drain(): ScanBlock[] {
    return [];
  }

  finish(): ScanBlock[] {
    const block = this.#group.finish();
    return block ? [block] : [];
  }

  get memoryBytes(): number {
    return this.#group.memoryBytes;
  }
}

function textColumn(text: string, rowCount: number): Column {
  return { type: 'string', codes: new Uint32Array(rowCount), dictionary: [text], valid: undefined };
}
