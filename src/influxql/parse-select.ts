/**
 * SELECT and the clauses that other statements share with it: sources, WHERE, GROUP BY, ORDER BY, LIMIT.
 */

import type { Expr, Field, Fill, Measurement, SelectStatement, SortField, Source } from './ast.ts';
import { parseExpr, parseRegex, parseSegments } from './parse-expr.ts';
import { printExpr } from './print-expr.ts';
import type { TokenStream } from './token-stream.ts';
import type { Keyword } from './tokens.ts';
import { findZone } from './zone.ts';

const colon = 58;

/** After SELECT. */
export function parseSelect(p: TokenStream, target: 'required' | 'optional'): SelectStatement {
  return p.nest(() => {
    const fields = parseFields(p);
    const into = parseTarget(p, target);
    p.expect('FROM');
    const sources = parseSources(p, true);
    const condition = parseCondition(p);
    const dimensions = parseDimensions(p);
    return {
      kind: 'select',
      fields,
      target: into,
      sources,
      condition,
      dimensions,
      fill: parseFill(p),
      sortFields: parseOrderBy(p),
      limit: parseOptionalInt(p, 'LIMIT'),
      offset: parseOptionalInt(p, 'OFFSET'),
      slimit: parseOptionalInt(p, 'SLIMIT'),
      soffset: parseOptionalInt(p, 'SOFFSET'),
      zone: parseZone(p),
    };
  });
}

function parseFields(p: TokenStream): Field[] {
  const fields = [parseField(p)];
  while (p.scan() === ',') fields.push(parseField(p));
  p.unscan();
  return fields;
}

function parseField(p: TokenStream): Field {
  const expr = parseRegex(p) ?? parseFieldExpr(p);
  const alias = p.accept('AS') ? p.ident() : '';
  p.skipWhitespace();
  return { expr, alias };
}

function parseFieldExpr(p: TokenStream): Expr {
  p.next();
  const { offset } = p;
  p.unscan();
  const expr = parseExpr(p);
  const op = findCondition(expr);
  if (op === undefined) return expr;
  const where = p.describePosition(offset);
  throw p.fail(
    `invalid operator ${op} in SELECT clause at ${where}; operator is intended for WHERE clause`,
  );
}

/** The last operator that yields a truth value. */
function findCondition(expr: Expr): string | undefined {
  switch (expr.kind) {
    case 'binary':
      switch (expr.op) {
        case '+':
        case '-':
        case '*':
        case '/':
        case '%':
        case '&':
        case '|':
        case '^':
          return findCondition(expr.right) ?? findCondition(expr.left);
        default:
          return expr.op;
      }
    case 'paren':
      return findCondition(expr.expr);
    case 'call':
      return expr.args.reduceRight<string | undefined>(
        (found, arg) => found ?? findCondition(arg),
        undefined,
      );
    default:
      return undefined;
  }
}

function parseTarget(p: TokenStream, target: 'required' | 'optional'): Measurement | undefined {
  if (p.next() !== 'INTO') {
    if (target === 'required') throw p.unexpected('INTO');
    p.unscan();
    return undefined;
  }
  const segments = parseSegments(p);
  if (segments.length < 3 && p.peek() === colon) {
    p.expect(':', 'MEASUREMENT');
    segments.push('');
  }
  return makeMeasurement(segments, undefined, true);
}

/** The last segments are what they are named after; the ones before may be missing. */
function makeMeasurement(
  segments: readonly string[],
  regex: string | undefined,
  isTarget: boolean,
): Measurement {
  const parts = regex === undefined ? segments : [...segments, ''];
  const [name = '', policy = '', database = ''] = parts.toReversed();
  return { kind: 'measurement', database, policy, name, regex, isTarget };
}

export function parseSources(p: TokenStream, subqueries: boolean): Source[] {
  const sources = [parseSource(p, subqueries)];
  while (p.accept(',')) sources.push(parseSource(p, subqueries));
  return sources;
}

function parseSource(p: TokenStream, subqueries: boolean): Source {
  const regex = parseRegex(p);
  if (regex !== undefined) return makeMeasurement([], regex.pattern, false);
  if (subqueries && p.accept('(')) {
    p.expect('SELECT');
    const statement = parseSelect(p, 'optional');
    p.expect(')');
    return { kind: 'subquery', statement };
  }
  return parseNamedSource(p);
}

export function parseMeasurement(p: TokenStream): Measurement {
  const regex = parseRegex(p);
  if (regex !== undefined) return makeMeasurement([], regex.pattern, false);
  return parseNamedSource(p);
}

function parseNamedSource(p: TokenStream): Measurement {
  const segments = parseSegments(p);
  if (segments.length === 3) return makeMeasurement(segments, undefined, false);
  return makeMeasurement(segments, parseRegex(p)?.pattern, false);
}

export function parseCondition(p: TokenStream): Expr | undefined {
  return p.accept('WHERE') ? parseExpr(p) : undefined;
}

export function parseDimensions(p: TokenStream): Expr[] {
  if (!p.accept('GROUP')) return [];
  p.expect('BY');
  const dimensions = [parseDimension(p)];
  while (p.scan() === ',') dimensions.push(parseDimension(p));
  p.unscan();
  return dimensions;
}

function parseDimension(p: TokenStream): Expr {
  const regex = parseRegex(p);
  if (regex !== undefined) return regex;
  const expr = parseExpr(p);
  p.skipWhitespace();
  return expr;
}

/** The expression `name(...)` if it comes next. */
function parseClauseCall(p: TokenStream, name: string): Expr | undefined {
  const token = p.next();
  const { literal } = p;
  p.unscan();
  return token === 'IDENT' && literal.toLowerCase() === name ? parseExpr(p) : undefined;
}

function parseFill(p: TokenStream): Fill {
  const call = parseClauseCall(p, 'fill');
  if (call === undefined) return { kind: 'null' };
  if (call.kind !== 'call') throw p.fail('fill must be a function call');
  const [option] = call.args;
  if (option === undefined || call.args.length !== 1) {
    throw p.fail('fill requires an argument, e.g.: 0, null, none, previous, linear');
  }
  const word = printExpr(option);
  switch (word) {
    case 'null':
    case 'none':
    case 'previous':
    case 'linear':
      return { kind: word };
  }
  if (option.kind === 'integer' || option.kind === 'number') {
    return { kind: 'value', value: option.value };
  }
  throw p.fail('expected number argument in fill()');
}

function parseZone(p: TokenStream): string | undefined {
  const call = parseClauseCall(p, 'tz');
  if (call === undefined) return undefined;
  if (call.kind !== 'call') throw p.fail('tz must be a function call');
  const [name] = call.args;
  if (name === undefined || call.args.length !== 1) {
    throw p.fail('tz requires exactly one argument');
  }
  if (name.kind !== 'string') throw p.fail('expected string argument in tz()');
  const zone = findZone(name.value);
  if (zone === undefined) throw p.fail(`unable to find time zone ${name.value}`);
  return zone;
}

/** `LIMIT 5` and the like; 0 when absent. */
export function parseOptionalInt(p: TokenStream, keyword: Keyword): number {
  if (!p.accept(keyword)) return 0;
  const digits = p.integerText();
  if (digits.startsWith('-')) throw p.failHere(`${keyword} must be >= 0`);
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

const onlyByTime = 'only ORDER BY time supported at this time';

export function parseOrderBy(p: TokenStream): SortField[] {
  if (!p.accept('ORDER')) return [];
  p.expect('BY');
  const first = parseFirstSortField(p);
  if (!p.accept(',')) return [first];
  do parseSortField(p);
  while (p.accept(','));
  throw p.fail(onlyByTime);
}

function parseFirstSortField(p: TokenStream): SortField {
  switch (p.next()) {
    case 'ASC':
      return { name: '', ascending: true };
    case 'DESC':
      return { name: '', ascending: false };
    case 'IDENT': {
      p.unscan();
      const field = parseSortField(p);
      if (field.name !== 'time') throw p.fail(onlyByTime);
      return field;
    }
    default:
      throw p.unexpected('identifier', 'ASC', 'DESC');
  }
}

function parseSortField(p: TokenStream): SortField {
  const name = p.ident();
  if (p.accept('DESC')) return { name, ascending: false };
  p.accept('ASC');
  return { name, ascending: true };
}
