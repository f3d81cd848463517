/** Rules for arguments that many functions share. */

import type { Call, Expr } from './ast.ts';
import { type FieldState, fail } from './check-state.ts';

export function checkCount(holds: boolean, name: string, expected: string, got: number): void {
  if (holds) return;
  throw fail(`invalid number of arguments for ${name}, expected ${expected}, got ${got}`);
}

/** The argument must be a field, a wildcard or a regular expression. */
export function checkSymbol(field: FieldState, name: string, arg: Expr): void {
  switch (arg.kind) {
    case 'var-ref':
      return;
    case 'wildcard':
      if (!field.allowWildcard) throw fail(`unsupported expression with wildcard: ${name}()`);
      break;
    case 'regex':
      if (!field.allowWildcard) throw fail(`unsupported expression with regex field: ${name}()`);
      break;
    default:
      throw fail(`expected field argument in ${name}()`);
  }
  field.select.onlySelectors = false;
}

export function checkBareDistinct(field: FieldState, name: string, nested: boolean): void {
  checkDistinct(field, [{ kind: 'var-ref', name, cast: undefined }], nested);
}

export function checkDistinct(field: FieldState, args: readonly Expr[], nested: boolean): void {
  const [arg] = args;
  if (arg === undefined) throw fail('distinct function requires at least one argument');
  if (args.length !== 1) throw fail('distinct function can only have one argument');
  if (arg.kind !== 'var-ref') throw fail('expected field argument in distinct()');
  if (!nested) field.select.hasDistinct = true;
  field.select.onlySelectors = false;
}

/** A transformation of a field, or, with GROUP BY time, of an aggregate. */
export function checkTransformation(
  field: FieldState,
  { name, args }: Call,
  extraIntervals: number,
  checkInner: (field: FieldState, call: Call) => void = checkNested,
): void {
  const { select } = field;
  const [arg] = args;
  select.onlySelectors = false;
  select.extraIntervals = Math.max(select.extraIntervals, extraIntervals);
  if (arg === undefined) return;
  if (arg.kind === 'call') {
    if (select.intervalNs === 0n) throw fail(`${name} aggregate requires a GROUP BY interval`);
    checkInner(field, arg);
    return;
  }
  if (select.intervalNs !== 0n && !select.inheritedInterval) {
    throw fail(`aggregate function required inside the call to ${name}`);
  }
  checkSymbol(field, name, arg);
}

/** Inside another call, distinct() is no distinct query. */
export function checkNested(field: FieldState, call: Call): void {
  if (call.name === 'distinct') checkDistinct(field, call.args, true);
  else field.checkExpr(field, call);
}

/** The call that `DISTINCT name` stands for. */
export function distinctCall(name: string): Call {
  return { kind: 'call', name: 'distinct', args: [{ kind: 'var-ref', name, cast: undefined }] };
}
