/** Names of syntax nodes as influxd's messages give them. */

import type { Expr } from './ast.ts';

const names: Readonly<Record<Expr['kind'], string>> = {
  'var-ref': 'VarRef',
  call: 'Call',
  binary: 'BinaryExpr',
  paren: 'ParenExpr',
  wildcard: 'Wildcard',
  distinct: 'Distinct',
  number: 'NumberLiteral',
  integer: 'IntegerLiteral',
  unsigned: 'UnsignedLiteral',
  string: 'StringLiteral',
  boolean: 'BooleanLiteral',
  duration: 'DurationLiteral',
  time: 'TimeLiteral',
  regex: 'RegexLiteral',
  nil: 'NilLiteral',
};

export function nodeTypeName(expr: Expr): string {
  return `*influxql.${names[expr.kind]}`;
}

export function isLiteral(expr: Expr): boolean {
  switch (expr.kind) {
    case 'var-ref':
    case 'call':
    case 'binary':
    case 'paren':
    case 'wildcard':
    case 'distinct':
      return false;
    default:
      return true;
  }
}
