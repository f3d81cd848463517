/** A checked SELECT becomes a plan: tables, wildcards, names, types. */

import type { Expr } from '../../influxql/ast.ts';
import { columnNames, fieldName } from '../../influxql/columns.ts';
import type { CompiledSelect } from '../../influxql/compile.ts';
import type { FieldType } from '../../model/field-type.ts';
import type { RowExpr } from '../../model/plan.ts';
import type { TimeRange } from '../../model/time.ts';
import { compareText } from '../../scan/text-order.ts';
import type { ValueExpr } from '../eval/value-expr.ts';
import type { QueryContext } from '../query-context.ts';
import { clampTime, type WindowRule } from '../windows.ts';
import { expandWildcards, readTagKeys } from './expand-wildcards.ts';
import { OutputCompiler, usesOperators } from './output-compiler.ts';
import { toRowExpr } from './row-condition.ts';
import type { MeasurementPlan, SelectPlan, TablePlan } from './select-plan.ts';
import { type InnerColumns, innerTable, resolveTables, type Table } from './tables.ts';
import { resolveVariable } from './variables.ts';

function windowRule({ interval, statement, calls }: CompiledSelect): WindowRule | undefined {
  if (interval.ns <= 0n || calls.length === 0) return undefined;
  return { intervalNs: interval.ns, offsetNs: interval.offsetNs, zone: statement.zone };
}

function tagDimensions(dimensions: readonly Expr[]): string[] {
  const names = new Set<string>();
  for (const dimension of dimensions) {
    if (dimension.kind === 'var-ref') names.add(dimension.name);
  }
  return [...names].sort(compareText);
}

function tableCondition(condition: Expr | undefined, table: Table): RowExpr | undefined {
  if (condition === undefined) return undefined;
  return toRowExpr(condition, {
    resolve: (ref) => {
      if (ref.name === '_name') return { kind: 'measurement' };
      const { source } = resolveVariable(ref, [table]);
      if (source === 'tag') return { kind: 'tag', name: ref.name };
      const type = table.fields.get(ref.name);
      if (source === 'missing' || type === undefined) return { kind: 'null' };
      return { kind: 'field', name: ref.name, type };
    },
  });
}

/** Tables by measurement, in output order. */
function groupTables(
  tables: readonly Table[],
  condition: Expr | undefined,
  descending: boolean,
): MeasurementPlan[] {
  const byName = new Map<string, TablePlan[]>();
  for (const table of tables) {
    const plan = { table, where: tableCondition(condition, table) };
    const known = byName.get(table.measurement);
    if (known === undefined) byName.set(table.measurement, [plan]);
    else known.push(plan);
  }
  const plans = [...byName].map(([name, group]) => ({ name, tables: group }));
  return descending ? plans.reverse() : plans;
}

/** OFFSET without LIMIT gives a raw query one row, as in InfluxDB. */
function rowLimit({ statement, calls }: CompiledSelect): number {
  const isOffsetOnly = statement.limit === 0 && statement.offset > 0;
  return isOffsetOnly && calls.length === 0 ? 1 : statement.limit;
}

/** Names in top() and bottom() are columns of their own. */
function topTags(expr: Expr): Expr[] {
  if (expr.kind !== 'call' || (expr.name !== 'top' && expr.name !== 'bottom')) return [];
  return expr.args.slice(1).filter((arg) => arg.kind === 'var-ref');
}

/** What a query around this one may name: of equal names the first. */
async function columnsOf(plan: SelectPlan, context: QueryContext): Promise<InnerColumns> {
  const tagKeys = await knownTags(plan, context);
  const fields = new Map<string, FieldType>();
  const tagFields = new Set<string>();
  const unknownFields = new Set<string>();
  plan.outputs.forEach((output, index) => {
    const name = plan.names[index]!;
    if (output.type === undefined || fields.has(name)) return;
    const tag = tagOf(plan, output);
    fields.set(name, output.type);
    if (tag !== undefined && !tagKeys.has(tag)) unknownFields.add(name);
    if (tag !== undefined) tagFields.add(name);
  });
  return { fields, tagFields, unknownFields };
}

/** The tag that a column is; undefined = it is none. */
function tagOf({ calls, variables }: SelectPlan, output: ValueExpr): string | undefined {
  if (output.kind !== 'column') return undefined;
  const variable = variables[output.index - calls.length];
  return variable?.source === 'tag' ? variable.name : undefined;
}

/** Which of the names that are no fields are tags: asked only where there are such names. */
async function knownTags(plan: SelectPlan, context: QueryContext): Promise<ReadonlySet<string>> {
  if (!plan.outputs.some((output) => tagOf(plan, output) !== undefined)) return new Set();
  const tables = plan.measurements.flatMap((measurement) => measurement.tables);
  const stored = await readTagKeys(
    tables.map(({ table }) => table),
    plan.range,
    context,
  );
  return new Set([...stored, ...plan.inner.flatMap(({ dimensions }) => dimensions)]);
}

/** A subquery also groups by what the query around it groups by. */
function groupAlsoBy(plan: SelectPlan, dimensions: readonly string[]): SelectPlan {
  return {
    ...plan,
    dimensions: [...new Set([...plan.dimensions, ...dimensions])].sort(compareText),
    inner: plan.inner.map((inner) => groupAlsoBy(inner, dimensions)),
  };
}

/**
 * Pages of series are turned where series are read, and series are counted by the tags of the outermost
 * query: what it asks for is added to what the subquery asks for, as in InfluxDB.
 */
function pageAlso(plan: SelectPlan, outer: OuterPage): SelectPlan {
  return {
    ...plan,
    slimit: plan.slimit + outer.slimit,
    soffset: plan.soffset + outer.soffset,
    pageDimensions: outer.pageDimensions,
    inner: plan.inner.map((inner) => pageAlso(inner, outer)),
  };
}

type OuterPage = Pick<SelectPlan, 'slimit' | 'soffset' | 'pageDimensions'>;

interface Sources {
  /** Sorted by measurement. */
  readonly tables: readonly Table[];
  readonly inner: readonly SelectPlan[];
}

/** A subquery writes nothing. */
function withoutTarget(compiled: CompiledSelect): CompiledSelect {
  return { ...compiled, statement: { ...compiled.statement, target: undefined } };
}

async function resolveSources(
  { sources }: CompiledSelect,
  range: TimeRange,
  context: QueryContext,
): Promise<Sources> {
  const measurements = sources.filter((source) => source.kind === 'measurement');
  const tables = [...(await resolveTables(measurements, range, context))];
  const inner: SelectPlan[] = [];
  for (const source of sources) {
    if (source.kind === 'measurement') continue;
    const plan = await planSelect(withoutTarget(source), context);
    const number = inner.push(plan) - 1;
    const columns = await columnsOf(plan, context);
    for (const { name } of plan.measurements) tables.push(innerTable(number, name, columns));
  }
  tables.sort((a, b) => compareText(a.measurement, b.measurement));
  return { tables, inner };
}

export async function planSelect(
  compiled: CompiledSelect,
  context: QueryContext,
): Promise<SelectPlan> {
  const { statement } = compiled;
  const range: TimeRange = {
    min: clampTime(compiled.range.min),
    max: clampTime(compiled.range.max),
  };
  const { tables, inner } = await resolveSources(compiled, range, context);
  const innerKeys = inner.flatMap((plan) => plan.dimensions);
  const scope = { range, context, innerKeys };
  const { fields, dimensions } = await expandWildcards(compiled, tables, scope);
  const hasTarget = statement.target !== undefined;
  // What tells the rows of top() apart is a column, or, where rows are written, a tag.
  const rowTags = hasTarget ? fields.flatMap(({ expr }) => topTags(expr)) : [];
  const exprs = [
    ...fields.flatMap(({ expr }) => (hasTarget ? [expr] : [expr, ...topTags(expr)])),
    ...rowTags,
  ];
  const tagKeys = usesOperators(exprs)
    ? await readTagKeys(tables, range, context)
    : new Set<string>();
  const compiler = new OutputCompiler(exprs, { tables, tagKeys, innerKeys: new Set(innerKeys) });
  const outputs = exprs.map((expr) => compiler.compile(expr));
  compiler.finish();
  const descending = !compiled.ascending;
  const names = fields.flatMap((field) => [
    fieldName(field),
    ...topTags(field.expr).map((expr) => fieldName({ expr, alias: '' })),
  ]);
  const groups = tagDimensions(dimensions);
  const { slimit, soffset } = statement;
  const page = { slimit, soffset, pageDimensions: groups };
  return {
    columns: columnNames(fields, { timeName: compiled.timeName, hasTarget }),
    names,
    rowTags: rowTags.map((expr) => fieldName({ expr, alias: '' })),
    inner: inner.map((plan) => pageAlso(groupAlsoBy(plan, groups), page)),
    outputs,
    measurements: groupTables(tables, compiled.condition, descending),
    calls: compiler.calls,
    variables: compiler.variables,
    dimensions: groups,
    pageDimensions: groups,
    range,
    lowerBound: compiled.hasMinTime ? range.min : undefined,
    windows: windowRule(compiled),
    // What is written has no nulls, and no counts of nothing either.
    fill: hasTarget && compiled.fill.kind === 'null' ? { kind: 'none' } : compiled.fill,
    descending,
    limit: rowLimit(compiled),
    offset: statement.offset,
    slimit,
    soffset,
    zone: statement.zone,
    isPart: false,
  };
}
