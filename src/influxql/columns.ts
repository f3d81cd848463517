/** Names of result columns: alias, else function, else field, operands joined by `_`. */

import type { Expr, Field } from './ast.ts';

/** A field's name: its alias, or what its expression is named after; '' when after nothing. */
export function fieldName({ expr, alias }: Field): string {
  return alias === '' ? expressionName(expr) : alias;
}

function expressionName(expr: Expr): string {
  switch (expr.kind) {
    case 'call':
    case 'var-ref':
      return expr.name;
    case 'paren':
      return expressionName(expr.expr);
    case 'binary':
      return operandNames(expr).join('_');
    default:
      return '';
  }
}

function operandNames(expr: Expr): string[] {
  switch (expr.kind) {
    case 'var-ref':
    case 'call':
      return [expr.name];
    case 'paren':
      return operandNames(expr.expr);
    case 'binary':
      return [...operandNames(expr.left), ...operandNames(expr.right)];
    default:
      return [];
  }
}

/** top() and bottom() add a column per tag argument, unless the rows go INTO a measurement. */
function spreadTags(fields: readonly Field[]): Field[] {
  return fields.flatMap((field) => {
    const { expr } = field;
    if (expr.kind !== 'call' || (expr.name !== 'top' && expr.name !== 'bottom')) return [field];
    const tags = expr.args.slice(1).filter((arg) => arg.kind === 'var-ref');
    return [field, ...tags.map((tag) => ({ expr: tag, alias: '' }))];
  });
}

export interface ColumnOptions {
  /** Name of the time column; undefined = there is none. */
  readonly timeName: string | undefined;
  readonly hasTarget: boolean;
}

/**
 * One name per column. An alias is kept as it is, even if it occurs twice; other names that are
 * taken get `_1`, `_2` and so on. The time column's name counts as free.
 */
export function columnNames(fields: readonly Field[], options: ColumnOptions): string[] {
  const columns = options.hasTarget ? fields : spreadTags(fields);
  const taken = new Map<string, number>();
  for (const { alias } of columns) if (alias !== '') taken.set(alias, 1);
  const names = columns.map((field) =>
    field.alias === '' ? takeName(fieldName(field), taken) : field.alias,
  );
  return options.timeName === undefined ? names : [options.timeName, ...names];
}

/** The name, or the first of its numbered forms that is free; `taken` counts from where to try. */
function takeName(name: string, taken: Map<string, number>): string {
  const count = taken.get(name);
  if (count === undefined) {
    taken.set(name, 1);
    return name;
  }
  let next = count;
  while (taken.has(`${name}_${next}`)) next++;
  const free = `${name}_${next}`;
  taken.set(name, next + 1);
  taken.set(free, 1);
  return free;
}
