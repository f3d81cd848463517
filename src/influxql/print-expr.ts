/** Expressions as influxd prints them in messages and stored statements. */

import type { Expr, Measurement } from './ast.ts';
import { formatDuration } from './duration.ts';
import { formatThreeDecimals } from './format-number.ts';
import { quoteIdent, quoteString } from './quote.ts';
import { formatTime } from './time-text.ts';

export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case 'var-ref': {
      const name = quoteIdent(expr.name);
      return expr.cast === undefined ? name : `${name}::${expr.cast}`;
    }
    case 'call':
      return `${expr.name}(${expr.args.map(printExpr).join(', ')})`;
    case 'binary':
      return `${printExpr(expr.left)} ${expr.op} ${printExpr(expr.right)}`;
    case 'paren':
      return `(${printExpr(expr.expr)})`;
    case 'wildcard':
      return expr.only === undefined ? '*' : `*::${expr.only}`;
    case 'distinct':
      return `DISTINCT ${expr.name}`;
    case 'number':
      return formatThreeDecimals(expr.value);
    case 'integer':
    case 'unsigned':
      return expr.value.toString();
    case 'string':
      return quoteString(expr.value);
    case 'boolean':
      return expr.value ? 'true' : 'false';
    case 'duration':
      return formatDuration(expr.ns);
    case 'time':
      return `'${formatTime(expr.ns)}'`;
    case 'regex':
      return printRegex(expr.pattern);
    case 'nil':
      return 'nil';
  }
}

export function printRegex(pattern: string): string {
  return `/${pattern.replaceAll('/', '\\/')}/`;
}

/** `db.rp.m`, `db..m`, `rp./re/`. */
export function printMeasurement(source: Measurement): string {
  const database = source.database === '' ? '' : `${quoteIdent(source.database)}.`;
  const policy = source.policy === '' ? '' : quoteIdent(source.policy);
  const prefix = database === '' && policy === '' ? '' : `${database}${policy}.`;
  if (source.name !== '') return prefix + quoteIdent(source.name);
  return source.regex === undefined ? prefix : prefix + printRegex(source.regex);
}
