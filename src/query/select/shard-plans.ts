/**
 * The shard's half of a plan, table by table: partial aggregates where every call can be pushed down,
 * else the rows of only those columns that are needed.
 */

import type {
  AggregateOutput,
  AggregateSpec,
  ColumnRef,
  PushdownFn,
  RawBlock,
  RawOutput,
  ScanBlock,
  ShardPlan,
} from '../../model/plan.ts';
import { emptyTagsAsNull } from '../columns/empty-tags.ts';
import { functionRule } from '../compile/functions.ts';
import type { CallPlan, MeasurementPlan, SelectPlan, TablePlan } from '../compile/select-plan.ts';
import { isInner } from '../compile/tables.ts';
import { bindVariable, type Variable } from '../compile/variables.ts';
import { castColumn } from '../eval/cast-column.ts';
import type { QueryContext } from '../query-context.ts';
import { hasSteadyZone, zoneShiftNs } from '../windows.ts';

const pushdown: ReadonlyMap<string, PushdownFn> = new Map([
  ['count', 'count'],
  ['count-distinct', 'distinct'],
  ['sum', 'sum'],
  ['mean', 'mean'],
  ['min', 'min'],
  ['max', 'max'],
  ['first', 'first'],
  ['last', 'last'],
  ['spread', 'spread'],
  ['stddev', 'stddev'],
  ['distinct', 'distinct'],
] satisfies [string, PushdownFn][]);

/** The raw columns a query reads; a call's column comes before those that are selected beside it. */
export function rawVariables(plan: SelectPlan): Variable[] {
  return [...plan.calls.map((call) => call.variable), ...plan.variables];
}

function isExactField(variable: Variable, { table }: TablePlan): boolean {
  const actual = table.fields.get(variable.name);
  return actual === undefined || actual === variable.type;
}

/** Whether the shards can answer with partial aggregates. */
export function canPushDown(plan: SelectPlan, { tables }: MeasurementPlan): boolean {
  const { calls, variables, windows, range } = plan;
  if (windows !== undefined && !hasSteadyZone(windows, range.min, range.max)) return false;
  if (!calls.every((call) => pushdown.has(call.fn))) return false;
  // Tags of subqueries are columns of rows.
  if (calls.some(({ variable, type }) => variable.source === 'tag' && type !== undefined)) {
    return false;
  }
  // Partials know when a value first occurred; a descending distinct() asks when it last did.
  if (plan.descending && calls.some((call) => call.fn === 'distinct')) return false;
  if (variables.length > 0 && calls.some((call) => !functionRule(call.fn)?.isSelector))
    return false;
  const all = rawVariables(plan);
  return tables.every((table) =>
    all.every((variable) => variable.source !== 'field' || isExactField(variable, table)),
  );
}

/** Calls that some table of the measurement can answer. */
function answerable(call: CallPlan, { tables }: MeasurementPlan): boolean {
  if (call.variable.source !== 'field' || call.type === undefined) return false;
  return tables.some(({ table }) => bindVariable(call.variable, table) !== undefined);
}

export interface AggregateScan {
  readonly output: AggregateOutput;
  /** Which call each aggregate of `output` is. */
  readonly callOf: readonly number[];
  /** Of blocks of aggregates. */
  readonly streams: readonly AsyncIterable<ScanBlock>[];
}

function shardPlan(
  plan: SelectPlan,
  { table, where }: TablePlan,
  output: RawOutput | AggregateOutput,
): ShardPlan {
  const { dbId, rpId, measurement } = table;
  const { range, dimensions, descending } = plan;
  return { dbId, rpId, measurement, range, where, dimensions, descending, output };
}

/** Undefined = no call can answer anything. */
export function scanAggregates(
  plan: SelectPlan,
  measurement: MeasurementPlan,
  context: QueryContext,
): AggregateScan | undefined {
  const callOf: number[] = [];
  const aggregates: AggregateSpec[] = [];
  plan.calls.forEach((call, index) => {
    const { type, name } = call.variable;
    const fn = pushdown.get(call.fn);
    if (fn === undefined || type === undefined || !answerable(call, measurement)) return;
    callOf.push(index);
    aggregates.push({ fn, field: name, type });
  });
  if (aggregates.length === 0) return undefined;
  const { windows, range } = plan;
  const shift = windows === undefined ? 0n : zoneShiftNs(windows.zone, range.min);
  const output: AggregateOutput = {
    kind: 'aggregate',
    aggregates,
    intervalNs: windows?.intervalNs ?? 0n,
    offsetNs: windows === undefined ? 0n : windows.offsetNs - shift,
    extras: plan.variables.map(extraColumn),
    // InfluxDB counts the windows of a range that is bounded, before it reads anything; memory bounds the rest.
    bucketLimit: 0,
  };
  const streams = measurement.tables.flatMap((table) =>
    context.ports.scan(shardPlan(plan, table, output), context.signal),
  );
  return { output, callOf, streams };
}

/** Tables of one measurement agree on the types here (`canPushDown`); a missing field is asked for in vain. */
function extraColumn({ name, source, type }: Variable): ColumnRef {
  return { source: source === 'field' ? 'field' : 'tag', name, type: type ?? 'string' };
}

/** Rows of the raw columns (`rawVariables`), in their order and types, from every table that has a field of them. */
export function scanRaw(
  plan: SelectPlan,
  measurement: MeasurementPlan,
  context: QueryContext,
): AsyncIterable<RawBlock>[] {
  const variables = rawVariables(plan);
  const isWhole = plan.calls.length === 0;
  const rowLimit = isWhole && plan.limit > 0 ? plan.limit + plan.offset : 0;
  return measurement.tables.flatMap((table) => {
    const isAnswered = (column: ColumnRef) => !isInner(table.table) || isKnown(plan, table, column);
    const binding = bindTable(variables, table, isAnswered);
    if (!binding.columns.some((column) => isKnown(plan, table, column))) return [];
    const output: RawOutput = { kind: 'raw', columns: binding.columns, rowLimit };
    return context.ports
      .scan(shardPlan(plan, table, output), context.signal)
      .map((stream) => adaptBlocks(stream, binding, isInner(table.table)));
  });
}

/** Stored rows come of their fields; those of a subquery of its tags too. */
function isKnown(plan: SelectPlan, { table }: TablePlan, { source, name }: ColumnRef): boolean {
  if (source === 'field') return !table.unknownFields.has(name);
  return isInner(table) && plan.inner[Number(table.rpId)]!.dimensions.includes(name);
}

interface TableBinding {
  readonly variables: readonly Variable[];
  readonly columns: readonly ColumnRef[];
  /** Per variable: which of `columns`; -1 = none. */
  readonly columnOf: readonly number[];
}

function bindTable(
  variables: readonly Variable[],
  { table }: TablePlan,
  isAnswered: (column: ColumnRef) => boolean,
): TableBinding {
  const columns: ColumnRef[] = [];
  const columnOf = variables.map((variable) => {
    const column = bindVariable(variable, table);
    if (column === undefined || !isAnswered(column)) return -1;
    const known = columns.findIndex(
      ({ name, source }) => name === column.name && source === column.source,
    );
    return known >= 0 ? known : columns.push(column) - 1;
  });
  return { variables, columns, columnOf };
}

/**
 * Blocks with a column per variable, in the variable's type. A tag that a series lacks is null, but
 * not one that a subquery groups by.
 */
async function* adaptBlocks(
  blocks: AsyncIterable<ScanBlock>,
  { variables, columnOf, columns }: TableBinding,
  keepsEmpty: boolean,
): AsyncGenerator<RawBlock> {
  for await (const block of blocks) {
    if (block.kind !== 'raw') continue;
    const adapted = block.columns.map((column, index) =>
      columns[index]!.source === 'tag' && !keepsEmpty ? emptyTagsAsNull(column) : column,
    );
    yield {
      ...block,
      columns: variables.map(({ type }, index) => {
        const column = adapted[columnOf[index]!];
        return type === undefined ? undefined : castColumn(column, type);
      }),
    };
  }
}
