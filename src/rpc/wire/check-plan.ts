/**
 * Plans as they came over the wire, checked field by field so that the engine can trust them. The value
 * itself is passed on: a field that this file does not know is kept.
 */

import { type FieldType, fieldTypes } from '../../model/field-type.ts';
import type {
  AggregateSpec,
  BinaryOp,
  ColumnRef,
  PushdownFn,
  RowExpr,
  SchemaAsk,
  SchemaPlan,
  ShardPlan,
} from '../../model/plan.ts';
import {
  bigintOf,
  booleanOf,
  choiceOf,
  countOf,
  fieldsOf,
  listOf,
  numberOf,
  optional,
  textOf,
  wrongField,
} from './fields.ts';

const types: ReadonlySet<FieldType> = new Set(fieldTypes);
const sources: ReadonlySet<ColumnRef['source']> = new Set(['field', 'tag']);
const pushdowns: ReadonlySet<PushdownFn> = new Set<PushdownFn>([
  'count',
  'sum',
  'mean',
  'min',
  'max',
  'first',
  'last',
  'spread',
  'stddev',
  'distinct',
]);
const binaryOps: ReadonlySet<BinaryOp> = new Set<BinaryOp>([
  'and',
  'or',
  '=',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '=~',
  '!~',
  '+',
  '-',
  '*',
  '/',
  '%',
  '&',
  '|',
  '^',
]);
const asks: ReadonlySet<SchemaAsk['kind']> = new Set<SchemaAsk['kind']>([
  'measurements',
  'series',
  'tag-keys',
  'tag-values',
  'fields',
  'columns',
  'series-count',
]);
const idPattern = /^[0-9a-f]{16}$/;

export function idOf(value: unknown, name: string): string {
  const id = textOf(value, name);
  if (!idPattern.test(id)) throw wrongField(name);
  return id;
}

/** The reader limits depth, so this recursion ends. */
function checkExpr(value: unknown, name: string): RowExpr {
  const expr = fieldsOf(value, name);
  switch (expr.kind) {
    case 'field':
      choiceOf(expr.type, types, `${name} type`);
      textOf(expr.name, `${name} name`);
      break;
    case 'tag':
      textOf(expr.name, `${name} name`);
      break;
    case 'measurement':
    case 'null':
      break;
    case 'float':
      numberOf(expr.value, `${name} value`);
      break;
    case 'integer':
    case 'unsigned':
      bigintOf(expr.value, `${name} value`);
      break;
    case 'string':
      textOf(expr.value, `${name} value`);
      break;
    case 'boolean':
      booleanOf(expr.value, `${name} value`);
      break;
    case 'regex':
      textOf(expr.pattern, `${name} pattern`);
      break;
    case 'binary':
      choiceOf(expr.op, binaryOps, `${name} operator`);
      checkExpr(expr.left, name);
      checkExpr(expr.right, name);
      break;
    case 'call':
      textOf(expr.name, `${name} function`);
      listOf(expr.args, checkExpr, `${name} argument`);
      break;
    default:
      throw wrongField(`${name} kind`);
  }
  return value as RowExpr;
}

function checkRange(value: unknown, name: string): void {
  const range = fieldsOf(value, name);
  bigintOf(range.min, `${name} min`);
  bigintOf(range.max, `${name} max`);
}

function checkColumnRef(value: unknown, name: string): ColumnRef {
  const column = fieldsOf(value, name);
  choiceOf(column.source, sources, `${name} source`);
  choiceOf(column.type, types, `${name} type`);
  textOf(column.name, `${name} name`);
  return value as ColumnRef;
}

function checkAggregate(value: unknown, name: string): AggregateSpec {
  const aggregate = fieldsOf(value, name);
  choiceOf(aggregate.fn, pushdowns, `${name} function`);
  choiceOf(aggregate.type, types, `${name} type`);
  textOf(aggregate.field, `${name} field`);
  return value as AggregateSpec;
}

function checkOutput(value: unknown): void {
  const output = fieldsOf(value, 'output');
  if (output.kind === 'raw') {
    listOf(output.columns, checkColumnRef, 'column');
    countOf(output.rowLimit, 'row limit');
  } else if (output.kind === 'aggregate') {
    listOf(output.aggregates, checkAggregate, 'aggregate');
    listOf(output.extras, checkColumnRef, 'extra');
    bigintOf(output.intervalNs, 'interval');
    bigintOf(output.offsetNs, 'offset');
    countOf(output.bucketLimit, 'bucket limit');
  } else {
    throw wrongField('output kind');
  }
}

/** @throws CitadelError `invalid-argument` */
export function checkShardPlan(value: unknown): ShardPlan {
  const plan = fieldsOf(value, 'plan');
  idOf(plan.dbId, 'database');
  idOf(plan.rpId, 'policy');
  textOf(plan.measurement, 'measurement');
  checkRange(plan.range, 'range');
  optional(plan.where, checkExpr, 'condition');
  listOf(plan.dimensions, textOf, 'dimension');
  booleanOf(plan.descending, 'direction');
  checkOutput(plan.output);
  return value as ShardPlan;
}

/** @throws CitadelError `invalid-argument` */
export function checkSchemaPlan(value: unknown): SchemaPlan {
  const plan = fieldsOf(value, 'plan');
  idOf(plan.dbId, 'database');
  optional(plan.rpId, idOf, 'policy');
  if (plan.measurements !== undefined) listOf(plan.measurements, textOf, 'measurement');
  optional(plan.where, checkExpr, 'condition');
  optional(plan.range, checkRange, 'range');
  const ask = fieldsOf(plan.ask, 'question');
  const kind = choiceOf(ask.kind, asks, 'question kind');
  if (kind === 'tag-values' && ask.keys !== undefined) listOf(ask.keys, textOf, 'tag key');
  return value as SchemaPlan;
}
