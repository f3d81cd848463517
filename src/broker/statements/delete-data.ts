/**
 * DELETE, DROP SERIES and DROP MEASUREMENT: one tombstone in the log of every shard.
 *
 * Nothing is looked up first: the tombstone names what it hides, so it holds for what is being written
 * at the same moment too, by stamp. Acknowledged when durable on all shards.
 */

import { CitadelError } from '../../base/errors.ts';
import type { BinaryExpr, Expr, Measurement, Source } from '../../influxql/ast.ts';
import { splitCondition } from '../../influxql/condition.ts';
import { walkExpr } from '../../influxql/select-shape.ts';
import type { DeleteStatement } from '../../influxql/statement.ts';
import type { Database } from '../../metadata/catalog-view.ts';
import { databaseNotFound, policyNotFound } from '../../metadata/policy-rules.ts';
import { encodeDeleteFrame } from '../../model/frame-encode.ts';
import type { BinaryOp, DeletePredicate, RowExpr } from '../../model/plan.ts';
import { allTime, maxTime, minTime } from '../../model/time.ts';
import type { QueryContext } from '../../query/query-context.ts';
import type { BrokerParts } from '../parts.ts';
import { shardsOf } from '../route/route-parts.ts';
import { sendFrame } from '../write/send-frame.ts';

function fail(message: string): CitadelError {
  return new CitadelError('invalid-argument', message);
}

export function findDatabase({ catalog }: BrokerParts, name: string): Database {
  const db = catalog.view.database(name);
  if (db === undefined) throw databaseNotFound(name);
  return db;
}

function toBinary(expr: BinaryExpr): RowExpr {
  const op: BinaryOp = expr.op === 'AND' ? 'and' : expr.op === 'OR' ? 'or' : expr.op;
  return { kind: 'binary', op, left: toRowExpr(expr.left), right: toRowExpr(expr.right) };
}

/** Every name is a tag: fields were refused before. */
export function toRowExpr(expr: Expr): RowExpr {
  switch (expr.kind) {
    case 'binary':
      return toBinary(expr);
    case 'paren':
      return toRowExpr(expr.expr);
    case 'var-ref':
      return expr.name === '_name' ? { kind: 'measurement' } : { kind: 'tag', name: expr.name };
    case 'string':
      return { kind: 'string', value: expr.value };
    case 'boolean':
      return { kind: 'boolean', value: expr.value };
    case 'regex':
      return { kind: 'regex', pattern: expr.pattern };
    case 'number':
      return { kind: 'float', value: expr.value };
    case 'integer':
    case 'unsigned':
      return { kind: expr.kind, value: expr.value };
    default:
      throw fail('invalid tag comparison operator');
  }
}

function measurementsOf(sources: readonly Source[]): readonly Measurement[] {
  return sources.filter((source) => source.kind === 'measurement');
}

/** Names alone are a list; with a regular expression among them all become part of the condition. */
function selectSources(sources: readonly Measurement[]) {
  if (sources.every(({ regex }) => regex === undefined)) {
    const names = sources.map(({ name }) => name);
    return { measurements: names.length === 0 ? undefined : names, where: undefined };
  }
  const tests = sources.map(({ name, regex }): RowExpr => {
    const left: RowExpr = { kind: 'measurement' };
    if (regex === undefined) {
      return { kind: 'binary', op: '=', left, right: { kind: 'string', value: name } };
    }
    return { kind: 'binary', op: '=~', left, right: { kind: 'regex', pattern: regex } };
  });
  const where = tests.reduce((left, right) => ({ kind: 'binary', op: 'or', left, right }));
  return { measurements: undefined, where };
}

function joinConditions(a: RowExpr | undefined, b: RowExpr | undefined): RowExpr | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return { kind: 'binary', op: 'and', left: a, right: b };
}

/** A name in the condition that is a field of a measurement the statement names. */
export function refuseFields(
  { catalog }: BrokerParts,
  db: Database,
  sources: readonly { readonly name: string }[],
  condition: Expr | undefined,
): void {
  if (condition === undefined) return;
  walkExpr(condition, (expr) => {
    if (expr.kind !== 'var-ref') return;
    const isField = sources.some(({ name }) => catalog.view.fieldType(db.id, name, expr.name));
    if (isField || (expr.cast !== undefined && expr.cast !== 'tag')) {
      throw fail('fields not supported in WHERE clause during deletion');
    }
  });
}

/** The policy all sources name; undefined = none does, which means every policy. */
function policyOf({ catalog }: BrokerParts, db: Database, sources: readonly Measurement[]) {
  const names = new Set(sources.map(({ policy }) => policy));
  if (names.size > 1) throw fail('mixed retention policies not supported');
  const [name = ''] = names;
  if (name === '') return undefined;
  const policy = catalog.view.policy(db, name);
  if (policy === undefined) throw policyNotFound(name);
  return policy.id;
}

export async function sendDelete(
  parts: BrokerParts,
  dbId: string,
  predicate: DeletePredicate,
): Promise<void> {
  const shards = shardsOf(parts.route);
  const shardCount = shards.length;
  const sent = await Promise.allSettled(
    shards.map(({ shard }) =>
      sendFrame(parts, shard, encodeDeleteFrame({ dbId, shardCount, shard }, predicate)),
    ),
  );
  for (const result of sent) if (result.status === 'rejected') throw result.reason;
}

/** DELETE and DROP SERIES. */
export async function deleteData(
  parts: BrokerParts,
  statement: DeleteStatement,
  { database, nowNs }: QueryContext,
): Promise<void> {
  const db = findDatabase(parts, database);
  const sources = measurementsOf(statement.sources);
  const { condition, bounds } = splitCondition(statement.condition, { nowNs });
  const hasTime = bounds.min !== undefined || bounds.max !== undefined;
  if (statement.kind === 'drop-series' && hasTime) {
    throw fail("DROP SERIES doesn't support time in WHERE clause");
  }
  refuseFields(parts, db, sources, condition);
  const { measurements, where } = selectSources(sources);
  const min = bounds.min === undefined || bounds.min < minTime ? minTime : bounds.min;
  const max = bounds.max === undefined || bounds.max > maxTime ? maxTime : bounds.max;
  if (min > max) return;
  await sendDelete(parts, db.id, {
    rpId: policyOf(parts, db, sources),
    measurements,
    where: joinConditions(where, condition && toRowExpr(condition)),
    range: { min, max },
  });
}

/** The tombstones first; only then may the types of its fields be fixed anew. */
export async function dropMeasurement(
  parts: BrokerParts,
  database: string,
  measurement: string,
): Promise<void> {
  const db = findDatabase(parts, database);
  await sendDelete(parts, db.id, {
    rpId: undefined,
    measurements: [measurement],
    where: undefined,
    range: allTime,
  });
  await parts.catalog.dropMeasurement(db.id, measurement);
}
