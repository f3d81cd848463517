/**
 * `*`, `/re/`, `f(*)` and GROUP BY `*`, `/re/` written out: all fields and tags that have data in the
 * tables and the time asked for, sorted by name.
 */

import type { Call, Expr, Field, VarRef } from '../../influxql/ast.ts';
import { fieldName } from '../../influxql/columns.ts';
import { someExpr } from '../../influxql/select-shape.ts';
import { type FieldType, fieldTypes } from '../../model/field-type.ts';
import type { SchemaPlan } from '../../model/plan.ts';
import type { TimeRange } from '../../model/time.ts';
import { compareText } from '../../scan/text-order.ts';
import { invalid, type QueryContext } from '../query-context.ts';
import { collectSchema } from '../show/collect-schema.ts';
import { wholeGroups } from './shard-groups.ts';
import { isInner, matcherOf, type Table } from './tables.ts';

interface NamedColumn {
  readonly name: string;
  readonly type: FieldType | 'tag';
  /** A subquery's column that it took from a tag. */
  readonly isColumn?: boolean;
}

interface TableColumns {
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly tagKeys: Set<string>;
  readonly tagFields: ReadonlySet<string>;
}

function isPattern(expr: Expr): boolean {
  return expr.kind === 'wildcard' || expr.kind === 'regex';
}

/** The parts of a statement that may hold wildcards. */
interface FieldLists {
  readonly fields: readonly Field[];
  readonly dimensions: readonly Expr[];
}

function hasWildcard(select: FieldLists): boolean {
  return (
    select.fields.some((field) => someExpr(field.expr, isPattern)) ||
    select.dimensions.some(isPattern)
  );
}

export async function readTagKeys(
  tables: readonly Table[],
  range: TimeRange,
  context: QueryContext,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for (const table of tables) {
    if (isInner(table)) continue;
    const plan = { ...schemaPlan(table, range), ask: { kind: 'tag-keys' } as const };
    const found = await collectSchema(plan, context);
    for (const key of found.get(table.measurement)?.keys() ?? []) keys.add(key);
  }
  return keys;
}

/** One table, in the shard groups of the range. */
function schemaPlan(
  { dbId, rpId, measurement, shardGroupNs }: Table,
  range: TimeRange,
): Omit<SchemaPlan, 'ask'> {
  const groups = wholeGroups(range, shardGroupNs);
  return { dbId, rpId, measurements: [measurement], where: undefined, range: groups };
}

/** Fields and tag keys that have data in the shard groups of the range. */
async function readColumns(
  tables: readonly Table[],
  range: TimeRange,
  context: QueryContext,
): Promise<TableColumns> {
  const fields = new Map<string, FieldType>();
  const tagKeys = new Set<string>();
  const tagFields = new Set<string>();
  await Promise.all(
    tables.map(async (table) => {
      const { measurement, fields: registered } = table;
      if (isInner(table)) {
        for (const [name, type] of registered) {
          if (table.tagFields.has(name)) tagFields.add(name);
          else addField(fields, name, type);
        }
        return;
      }
      const plan = { ...schemaPlan(table, range), ask: { kind: 'columns' } as const };
      const found = await collectSchema(plan, context);
      for (const [name, types] of found.get(measurement) ?? []) {
        if (types.has('tag')) tagKeys.add(name);
        if (types.size > 1 || !types.has('tag')) addField(fields, name, registered.get(name));
      }
    }),
  );
  return { fields, tagKeys, tagFields };
}

const order: readonly FieldType[] = ['float', 'integer', 'unsigned', 'string', 'boolean'];

function addField(fields: Map<string, FieldType>, name: string, type: FieldType | undefined): void {
  if (type === undefined) return;
  const known = fields.get(name);
  if (known === undefined || order.indexOf(type) < order.indexOf(known)) fields.set(name, type);
}

function refTo(column: NamedColumn): VarRef {
  const isTag = column.type === 'tag' && column.isColumn !== true;
  return { kind: 'var-ref', name: column.name, cast: isTag ? 'tag' : 'field' };
}

/** Types a function takes when its argument is a wildcard. */
function wildcardTypes(name: string): ReadonlySet<FieldType | 'tag'> {
  switch (name) {
    case 'count':
    case 'first':
    case 'last':
    case 'distinct':
    case 'elapsed':
    case 'mode':
    case 'sample':
      return new Set(fieldTypes);
    case 'min':
    case 'max':
      return new Set<FieldType>(['float', 'integer', 'unsigned', 'boolean']);
    case 'holt_winters':
    case 'holt_winters_with_fit':
      return new Set<FieldType>(['float', 'integer']);
    default:
      return new Set<FieldType>(['float', 'integer', 'unsigned']);
  }
}

/** The call with its innermost first argument replaced. */
function replaceInnermost(call: Call, ref: VarRef): Call {
  const [first, ...rest] = call.args;
  const inner = first?.kind === 'call' ? replaceInnermost(first, ref) : ref;
  return { ...call, args: [inner, ...rest] };
}

function innermost(call: Call): Call {
  const [first] = call.args;
  return first?.kind === 'call' ? innermost(first) : call;
}

function expandCall(field: Field, call: Call, columns: readonly NamedColumn[]): Field[] {
  const inner = innermost(call);
  const [pattern] = inner.args;
  if (pattern?.kind !== 'wildcard' && pattern?.kind !== 'regex') return [field];
  if (pattern.kind === 'wildcard' && pattern.only === 'tag') {
    throw invalid(`unable to use tag wildcard in ${inner.name}()`);
  }
  const matches = pattern.kind === 'regex' ? matcherOf(pattern.pattern) : undefined;
  const types = wildcardTypes(inner.name);
  return columns
    .filter(({ name, type }) => types.has(type) && (matches === undefined || matches(name)))
    .map((column) => ({
      expr: replaceInnermost(call, refTo(column)),
      alias: `${fieldName(field)}_${column.name}`,
    }));
}

function expandField(field: Field, columns: readonly NamedColumn[]): Field[] {
  const { expr } = field;
  switch (expr.kind) {
    case 'wildcard':
      return columns
        .filter(({ type }) => expr.only === undefined || (expr.only === 'tag') === (type === 'tag'))
        .map((column) => ({ expr: refTo(column), alias: '' }));
    case 'regex': {
      const matches = matcherOf(expr.pattern);
      return columns
        .filter(({ name }) => matches(name))
        .map((column) => ({ expr: refTo(column), alias: '' }));
    }
    case 'call':
      return expandCall(field, expr, columns);
    case 'binary':
    case 'paren':
      if (someExpr(expr, isPattern)) throw wildcardInExpression(expr);
      return [field];
    default:
      return [field];
  }
}

function wildcardInExpression(expr: Expr): Error {
  let message = 'unsupported binary expression with wildcard';
  someExpr(expr, (node) => {
    if (node.kind === 'call' && node.args.some(isPattern)) {
      const kind = node.args.some((arg) => arg.kind === 'regex') ? 'regex field' : 'wildcard';
      message = `unsupported expression with ${kind}: ${node.name}()`;
      return true;
    }
    if (isPattern(node)) {
      const kind = node.kind === 'regex' ? 'regex field' : 'wildcard';
      message = `unable to use ${kind} in a binary expression`;
      return true;
    }
    return false;
  });
  return invalid(message);
}

function expandDimension(dimension: Expr, tagKeys: readonly string[]): Expr[] {
  if (dimension.kind !== 'wildcard' && dimension.kind !== 'regex') return [dimension];
  const matches = dimension.kind === 'regex' ? matcherOf(dimension.pattern) : undefined;
  return tagKeys
    .filter((key) => matches === undefined || matches(key))
    .map((name): VarRef => ({ kind: 'var-ref', name, cast: undefined }));
}

/** Sorted by name; a field before a tag of the same name. Without any field there are no columns. */
function listColumns(columns: TableColumns, withTags: boolean): NamedColumn[] {
  if (columns.fields.size === 0) return [];
  const list: NamedColumn[] = [];
  for (const [name, type] of columns.fields) list.push({ name, type });
  if (withTags) for (const name of columns.tagKeys) list.push({ name, type: 'tag' });
  for (const name of columns.tagFields) {
    if (!columns.fields.has(name)) list.push({ name, type: 'tag', isColumn: true });
  }
  return list.sort(
    (a, b) => compareText(a.name, b.name) || Number(a.type === 'tag') - Number(b.type === 'tag'),
  );
}

export async function expandWildcards(
  select: FieldLists,
  tables: readonly Table[],
  scope: {
    readonly range: TimeRange;
    readonly context: QueryContext;
    /** Tags that subqueries group by. */
    readonly innerKeys: readonly string[];
  },
): Promise<FieldLists> {
  if (!hasWildcard(select)) return select;
  const columns = await readColumns(tables, scope.range, scope.context);
  for (const key of scope.innerKeys) columns.tagKeys.add(key);
  const groupsByPattern = select.dimensions.some(isPattern);
  const grouped = new Set(
    select.dimensions.map((dimension) => (dimension.kind === 'var-ref' ? dimension.name : '')),
  );
  const remaining = {
    ...columns,
    tagKeys: new Set([...columns.tagKeys].filter((key) => !grouped.has(key))),
  };
  const list = listColumns(remaining, !groupsByPattern);
  const tagKeys = [...columns.tagKeys].sort(compareText);
  return {
    fields: select.fields.flatMap((field) => expandField(field, list)),
    dimensions: select.dimensions.flatMap((dimension) => expandDimension(dimension, tagKeys)),
  };
}
