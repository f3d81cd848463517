/**
 * Deletes as /api/v2/delete asks for them: a stretch of time of one retention policy, and equalities of tags
 * joined by AND. What the predicate cannot say exactly is refused, never read as something wider.
 */

import { CitadelError } from '../../base/errors.ts';
import type { BinaryExpr, Expr } from '../../influxql/ast.ts';
import { parseExpr } from '../../influxql/parse-expr.ts';
import { TokenStream } from '../../influxql/token-stream.ts';
import { policyNotFound } from '../../metadata/policy-rules.ts';
import type { RowExpr } from '../../model/plan.ts';
import { maxTime, minTime } from '../../model/time.ts';
import type { BrokerParts } from '../parts.ts';
import type { DeleteRequest } from '../requests.ts';
import { findDatabase, refuseFields, sendDelete, toRowExpr } from './delete-data.ts';

const measurementName = '_measurement';

interface Equalities {
  /** Undefined = every measurement. */
  readonly measurement: string | undefined;
  readonly tags: readonly BinaryExpr[];
}

function refuse(message: string): CitadelError {
  return new CitadelError('invalid-argument', message);
}

function parsePredicate(text: string): Expr {
  const tokens = new TokenStream(text, {});
  const expr = parseExpr(tokens);
  if (tokens.next() !== 'EOF') throw tokens.unexpected('AND', 'EOF');
  return expr;
}

/** The operands of a chain of ANDs. */
function operandsOf(expr: Expr): readonly Expr[] {
  if (expr.kind === 'paren') return operandsOf(expr.expr);
  if (expr.kind !== 'binary' || expr.op !== 'AND') return [expr];
  return [...operandsOf(expr.left), ...operandsOf(expr.right)];
}

/** A name in double quotes counts as text on the right side. */
function readEquality(expr: Expr): { readonly name: string; readonly value: string } {
  if (expr.kind === 'binary' && expr.op === '=' && expr.left.kind === 'var-ref') {
    const { left, right } = expr;
    if (right.kind === 'string') return { name: left.name, value: right.value };
    if (right.kind === 'var-ref') return { name: left.name, value: right.name };
  }
  throw refuse('predicate only supports equality operators and conjunctions');
}

function readEqualities(predicate: string): Equalities {
  if (predicate.trim() === '') return { measurement: undefined, tags: [] };
  let measurement: string | undefined;
  const tags: BinaryExpr[] = [];
  for (const operand of operandsOf(parsePredicate(predicate))) {
    const { name, value } = readEquality(operand);
    if (name.toLowerCase() === 'time')
      throw refuse('predicate cannot name time: use start and stop');
    if (name !== measurementName) {
      const left = { kind: 'var-ref', name, cast: 'tag' } as const;
      tags.push({ kind: 'binary', op: '=', left, right: { kind: 'string', value } });
    } else if (measurement === undefined || measurement === value) measurement = value;
    else throw refuse('predicate names more than one measurement');
  }
  return { measurement, tags };
}

function joinRowExprs(tags: readonly BinaryExpr[]): RowExpr | undefined {
  const exprs = tags.map(toRowExpr);
  if (exprs.length === 0) return undefined;
  return exprs.reduce((left, right) => ({ kind: 'binary', op: 'and', left, right }));
}

/** @throws CitadelError `invalid-argument`, `not-found` */
export async function deleteByPredicate(parts: BrokerParts, request: DeleteRequest): Promise<void> {
  const { view } = parts.catalog;
  const db = findDatabase(parts, request.database);
  const policyName = request.policy || db.defaultPolicy;
  const policy = view.policy(db, policyName);
  if (policy === undefined) throw policyNotFound(policyName);
  const { measurement, tags } = readEqualities(request.predicate);
  for (const tag of tags) {
    refuseFields(parts, db, measurement === undefined ? [] : [{ name: measurement }], tag);
  }
  const min = request.start < minTime ? minTime : request.start;
  const max = request.stop > maxTime ? maxTime : request.stop - 1n;
  if (min > max) return;
  await sendDelete(parts, db.id, {
    rpId: policy.id,
    measurements: measurement === undefined ? undefined : [measurement],
    where: joinRowExprs(tags),
    range: { min, max },
  });
}
