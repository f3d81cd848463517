/**
 * Expressions: operator precedence, literals, calls, references with casts, regular expressions.
 */

import type {
  BinaryOp,
  Call,
  CastType,
  Expr,
  IntegerLiteral,
  RegexLiteral,
  VarRef,
} from './ast.ts';
import { quoteIdent } from './quote.ts';
import { compileRegex } from './regex.ts';
import type { TokenStream } from './token-stream.ts';
import { precedence, type Token } from './tokens.ts';

const slash = 47;
const dollar = 36;
const colon = 58;
const dot = 46;

const int64Max = 9223372036854775807n;
const uint64Max = 18446744073709551615n;

/** Longer chains of AND or OR are built balanced, so that no walk over them runs out of stack. */
const leftDeepMax = 64;

export function parseExpr(p: TokenStream): Expr {
  return p.nest(() => parseTail(p, parseUnary(p), 1));
}

/** What follows `left`, just parsed: operators that bind at least as strongly as `min`. */
function parseTail(p: TokenStream, left: Expr, min: number): Expr {
  let expr = left;
  let depth = p.treeDepth;
  for (;;) {
    const op = p.next();
    const strength = precedence(op);
    if (strength === 0 || strength < min) {
      p.unscan();
      p.treeDepth = depth;
      return expr;
    }
    if (op === 'AND' || op === 'OR') {
      p.treeDepth = depth;
      expr = parseLogicalChain(p, expr, op);
      depth = p.treeDepth;
    } else {
      expr = { kind: 'binary', op: op as BinaryOp, left: expr, right: parseOperand(p, op) };
      depth = p.grow(Math.max(depth, p.treeDepth) + 1);
    }
  }
}

/** The right side of an operator that was just read. */
function parseOperand(p: TokenStream, op: Token): Expr {
  const operand = op === '=~' || op === '!~' ? parseRequiredRegex(p) : parseUnary(p);
  return parseTail(p, operand, precedence(op) + 1);
}

function parseLogicalChain(p: TokenStream, first: Expr, op: 'AND' | 'OR'): Expr {
  const operands = [first];
  let depth = p.treeDepth;
  do {
    operands.push(parseOperand(p, op));
    depth = Math.max(depth, p.treeDepth);
  } while (p.accept(op));
  p.grow(depth + Math.min(operands.length, leftDeepMax + 32));
  return joinLogical(op, operands);
}

/** Joins conditions from left to right, or balanced when there are many: the meaning is the same. */
function joinLogical(op: 'AND' | 'OR', operands: readonly Expr[]): Expr {
  if (operands.length <= leftDeepMax) {
    return operands.reduce((left, right) => ({ kind: 'binary', op, left, right }));
  }
  const middle = operands.length >> 1;
  const left = joinLogical(op, operands.slice(0, middle));
  return { kind: 'binary', op, left, right: joinLogical(op, operands.slice(middle)) };
}

function parseUnary(p: TokenStream): Expr {
  const token = p.next();
  p.treeDepth = 1;
  switch (token) {
    case '(':
      return parseParen(p);
    case 'IDENT':
      return parseName(p);
    case 'DISTINCT':
      return parseDistinct(p);
    case 'STRING':
      return { kind: 'string', value: p.literal };
    case 'NUMBER':
      return parseNumber(p);
    case 'INTEGER':
      return parseInteger(p);
    case 'TRUE':
    case 'FALSE':
      return { kind: 'boolean', value: token === 'TRUE' };
    case 'DURATIONVAL':
      return parseDurationLiteral(p);
    case '*':
      return parseWildcard(p);
    case 'REGEX':
      return makeRegex(p);
    case 'BOUNDPARAM':
      throw p.failUnbound();
    case '+':
    case '-':
      return parseSigned(p, token === '-' ? -1n : 1n);
    default:
      throw p.unexpected('identifier', 'string', 'number', 'bool');
  }
}

function parseParen(p: TokenStream): Expr {
  const expr = parseExpr(p);
  p.grow(p.treeDepth + 1);
  p.expect(')');
  return { kind: 'paren', expr };
}

function parseName(p: TokenStream): Expr {
  const name = p.literal;
  if (p.scan() === '(') return parseCall(p, name);
  p.unscan();
  p.unscan();
  return parseVarRef(p);
}

function parseDistinct(p: TokenStream): Expr {
  const token = p.scan();
  if (token === '(') return parseCall(p, 'distinct');
  if (token !== 'WS') throw p.unexpected('(', 'identifier');
  return { kind: 'distinct', name: p.ident() };
}

function parseNumber(p: TokenStream): Expr {
  const value = Number(p.literal);
  if (!Number.isFinite(value)) throw p.failHere('unable to parse number');
  return { kind: 'number', value };
}

function parseInteger(p: TokenStream): Expr {
  const value = BigInt(p.literal);
  if (value <= int64Max) return { kind: 'integer', value };
  if (value <= uint64Max) return { kind: 'unsigned', value };
  throw p.failHere('unable to parse integer');
}

function parseDurationLiteral(p: TokenStream): Expr {
  try {
    return { kind: 'duration', ns: p.durationOfToken() };
  } catch (cause) {
    // influxd gives no position here.
    const message = cause instanceof Error ? cause.message : String(cause);
    throw p.fail(message.replace(/ at line \d+, char \d+$/, ''));
  }
}

function parseWildcard(p: TokenStream): Expr {
  if (p.scan() !== '::') {
    p.unscan();
    return { kind: 'wildcard', only: undefined };
  }
  const token = p.scan();
  if (token === 'FIELD') return { kind: 'wildcard', only: 'field' };
  if (token === 'TAG') return { kind: 'wildcard', only: 'tag' };
  throw p.unexpected('field', 'tag');
}

function parseSigned(p: TokenStream, sign: bigint): Expr {
  switch (p.next()) {
    case 'NUMBER':
    case 'INTEGER':
    case 'DURATIONVAL':
    case '(':
    case 'IDENT':
      p.unscan();
      return applySign(p, parseUnary(p), sign);
    default:
      throw p.unexpected('identifier', 'number', 'duration', '(');
  }
}

function applySign(p: TokenStream, operand: Expr, sign: bigint): Expr {
  switch (operand.kind) {
    case 'number':
      return { kind: 'number', value: operand.value * Number(sign) };
    case 'integer':
      return { kind: 'integer', value: BigInt.asIntN(64, operand.value * sign) };
    case 'duration':
      return { kind: 'duration', ns: BigInt.asIntN(64, operand.ns * sign) };
    case 'unsigned':
      if (sign > 0n) return operand;
      if (operand.value === int64Max + 1n) return { kind: 'integer', value: -operand.value };
      throw p.fail(`constant -${operand.value} underflows int64`);
    default: {
      p.grow(p.treeDepth + 1);
      const factor: IntegerLiteral = { kind: 'integer', value: sign };
      return { kind: 'binary', op: '*', left: factor, right: operand };
    }
  }
}

/** `a.b::float`: the parts become one name. */
function parseVarRef(p: TokenStream): VarRef {
  const segments = parseSegments(p);
  const name = segments.length === 1 ? segments[0]! : segments.join('.');
  if (p.scan() === '::') return { kind: 'var-ref', name, cast: parseCast(p) };
  p.unscan();
  return { kind: 'var-ref', name, cast: undefined };
}

function parseCast(p: TokenStream): CastType {
  switch (p.scan()) {
    case 'FIELD':
      return 'field';
    case 'TAG':
      return 'tag';
    case 'IDENT':
      break;
    default:
      throw p.unexpected('float', 'integer', 'string', 'boolean', 'field', 'tag');
  }
  const type = p.literal.toLowerCase();
  switch (type) {
    case 'float':
    case 'integer':
    case 'unsigned':
    case 'string':
    case 'boolean':
      return type;
    default:
      throw p.unexpected('float', 'integer', 'unsigned', 'string', 'boolean', 'field', 'tag');
  }
}

/** `a`, `a.b`, `a..c`, up to three; a dot before a regex or a colon ends them. */
export function parseSegments(p: TokenStream): string[] {
  const segments = [p.ident()];
  for (;;) {
    if (p.scan() !== '.') {
      p.unscan();
      break;
    }
    const ahead = p.peek();
    if (ahead === slash || ahead === colon) break;
    segments.push(ahead === dot ? '' : p.ident());
  }
  if (segments.length > 3) {
    throw p.failAt(`too many segments in ${quoteIdent(...segments)}`, 0);
  }
  return segments;
}

/** A regular expression if one comes next, else undefined. */
export function parseRegex(p: TokenStream): RegexLiteral | undefined {
  p.skipWhitespaceAhead();
  const ahead = p.peek();
  if (ahead === dollar) {
    const token = p.scan();
    p.unscan();
    if (token !== 'REGEX') return undefined;
  } else if (ahead !== slash) return undefined;
  const token = p.scanRegex();
  if (token === 'BADREGEX') throw p.failHere(`bad regex: ${p.literal}`);
  if (token === 'BADESCAPE') throw p.failHere(`bad escape: ${p.literal}`);
  if (token !== 'REGEX') throw p.unexpected('regex');
  return makeRegex(p);
}

export function parseRequiredRegex(p: TokenStream): RegexLiteral {
  const regex = parseRegex(p);
  if (regex !== undefined) return regex;
  p.next();
  throw p.unexpected('regex');
}

function makeRegex(p: TokenStream): RegexLiteral {
  const pattern = p.literal;
  const { error } = compileRegex(pattern);
  if (error !== undefined) throw p.failHere(error);
  return { kind: 'regex', pattern };
}

/** After the name and the opening parenthesis. */
function parseCall(p: TokenStream, name: string): Call {
  const args: Expr[] = [];
  let depth = 1;
  p.treeDepth = 1;
  const first = parseRegex(p);
  if (first !== undefined) args.push(first);
  else if (p.scan() === ')') return { kind: 'call', name: name.toLowerCase(), args };
  else {
    p.unscan();
    args.push(parseExpr(p));
    depth = p.treeDepth;
  }
  while (p.accept(',')) {
    args.push(parseRegex(p) ?? parseExpr(p));
    depth = Math.max(depth, p.treeDepth);
  }
  if (p.scan() !== ')') throw p.unexpected(')');
  p.grow(depth + 1);
  return { kind: 'call', name: name.toLowerCase(), args };
}
