/**
 * The payload of a delete frame: a DeletePredicate as JSON, bigints as decimal strings, keys in one
 * fixed order so that equal predicates are equal bytes on every replica.
 */

import { CitadelError, invariant } from '../base/errors.ts';
import type { BinaryOp, DeletePredicate, RowExpr } from './plan.ts';

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder('utf-8', { fatal: true });
const depthMax = 1_000;

const binaryOps: ReadonlySet<string> = new Set<BinaryOp>([
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

type Json = { readonly [name: string]: unknown };

function writeExpr(expr: RowExpr): Json {
  switch (expr.kind) {
    case 'field':
    case 'call':
      throw new CitadelError('invalid-argument', 'a delete selects by tags and time only');
    case 'tag':
      return { kind: expr.kind, name: expr.name };
    case 'measurement':
    case 'null':
      return { kind: expr.kind };
    case 'integer':
    case 'unsigned':
      return { kind: expr.kind, value: expr.value.toString() };
    case 'float':
      // JSON has no NaN and no infinities; the grammar has no such literals either.
      invariant(Number.isFinite(expr.value), 'a float literal is finite');
      return { kind: expr.kind, value: expr.value };
    case 'string':
    case 'boolean':
      return { kind: expr.kind, value: expr.value };
    case 'regex':
      return { kind: expr.kind, pattern: expr.pattern };
    case 'binary': {
      const left = writeExpr(expr.left);
      return { kind: expr.kind, op: expr.op, left, right: writeExpr(expr.right) };
    }
  }
}

function malformed(what: string): CitadelError {
  return new CitadelError('corrupt', `cannot read delete: ${what}`);
}

function objectOf(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(what);
  return value as Json;
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw malformed(what);
  return value;
}

function bigintOf(value: unknown, what: string): bigint {
  const text = textOf(value, what);
  if (!/^-?\d{1,20}$/.test(text)) throw malformed(what);
  return BigInt(text);
}

function readLiteral(kind: string, json: Json): RowExpr | undefined {
  const { value } = json;
  if (kind === 'integer' || kind === 'unsigned') return { kind, value: bigintOf(value, kind) };
  if (kind === 'float' && typeof value === 'number') return { kind, value };
  if (kind === 'string' && typeof value === 'string') return { kind, value };
  if (kind === 'boolean' && typeof value === 'boolean') return { kind, value };
  return undefined;
}

function readExpr(value: unknown, depth: number): RowExpr {
  if (depth > depthMax) throw malformed('too deep');
  const json = objectOf(value, 'expression');
  const kind = textOf(json.kind, 'kind');
  if (kind === 'measurement' || kind === 'null') return { kind };
  if (kind === 'tag') return { kind, name: textOf(json.name, 'tag') };
  if (kind === 'regex') return { kind, pattern: textOf(json.pattern, 'regex') };
  if (kind === 'binary') {
    const op = textOf(json.op, 'operator');
    if (!binaryOps.has(op)) throw malformed(`operator ${op}`);
    const left = readExpr(json.left, depth + 1);
    return { kind, op: op as BinaryOp, left, right: readExpr(json.right, depth + 1) };
  }
  const literal = readLiteral(kind, json);
  if (literal === undefined) throw malformed(`expression ${kind}`);
  return literal;
}

/**
 * The condition may hold tags, the measurement, literals, regular expressions and operators.
 * Errors: `invalid-argument` for fields and calls.
 */
export function encodeDeletePredicate(predicate: DeletePredicate): Uint8Array {
  const { rpId, measurements, where, range } = predicate;
  return textEncoder.encode(
    JSON.stringify({
      ...(rpId === undefined ? {} : { rpId }),
      ...(measurements === undefined ? {} : { measurements }),
      ...(where === undefined ? {} : { where: writeExpr(where) }),
      min: range.min.toString(),
      max: range.max.toString(),
    }),
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(textDecoder.decode(bytes));
  } catch (cause) {
    throw new CitadelError('corrupt', 'cannot read delete: no JSON', { cause });
  }
}

/** Errors: `corrupt`. */
export function decodeDeletePredicate(bytes: Uint8Array): DeletePredicate {
  const json = objectOf(parseJson(bytes), 'no object');
  const { rpId, measurements, where } = json;
  if (measurements !== undefined && !Array.isArray(measurements)) throw malformed('measurements');
  return {
    rpId: rpId === undefined ? undefined : textOf(rpId, 'policy'),
    measurements: measurements?.map((name: unknown) => textOf(name, 'measurement')),
    where: where === undefined ? undefined : readExpr(where, 0),
    range: {
      min: bigintOf(json.min, 'least time'),
      max: bigintOf(json.max, 'greatest time'),
    },
  };
}
