/** The row-wise mathematical functions: which they are, and their values for constants. */

import type { Expr, Literal } from './ast.ts';

const oneArgument: ReadonlyMap<string, (value: number) => number> = new Map([
  ['sin', Math.sin],
  ['cos', Math.cos],
  ['tan', Math.tan],
  ['asin', Math.asin],
  ['acos', Math.acos],
  ['atan', Math.atan],
  ['exp', Math.exp],
  ['ln', Math.log],
  ['log2', Math.log2],
  ['log10', Math.log10],
  ['sqrt', Math.sqrt],
]);

/** These keep the type of their argument. */
const rounding: ReadonlyMap<string, (value: number) => number> = new Map([
  ['abs', Math.abs],
  ['floor', Math.floor],
  ['ceil', Math.ceil],
  ['round', roundHalfAway],
]);

const twoArguments: ReadonlyMap<string, (left: number, right: number) => number> = new Map([
  ['atan2', Math.atan2],
  ['pow', Math.pow],
  ['log', (value, base) => Math.log(value) / Math.log(base)],
]);

export function isMathFunction(name: string): boolean {
  return oneArgument.has(name) || rounding.has(name) || twoArguments.has(name);
}

export function mathArgumentCount(name: string): number {
  return twoArguments.has(name) ? 2 : 1;
}

function roundHalfAway(value: number): number {
  const whole = Math.trunc(value);
  return Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole;
}

function asNumber(literal: Expr | undefined): number | undefined {
  switch (literal?.kind) {
    case 'number':
      return literal.value;
    case 'integer':
    case 'unsigned':
      return Number(literal.value);
    default:
      return undefined;
  }
}

const nil: Literal = { kind: 'nil' };

/** The value of a call with constant arguments; undefined when it is no such function. */
export function foldMathCall(name: string, args: readonly Expr[]): Literal | undefined {
  const [first, second] = args;
  const left = asNumber(first);
  const right = asNumber(second);
  if (args.length === 2) {
    const call = twoArguments.get(name);
    if (call === undefined) return undefined;
    return left === undefined || right === undefined ? nil : numberOf(call(left, right));
  }
  if (args.length !== 1 || first === undefined) return undefined;
  const keep = rounding.get(name);
  if (keep !== undefined) return foldRounding(name, keep, first);
  const call = oneArgument.get(name);
  if (call === undefined) return undefined;
  return left === undefined ? nil : numberOf(call(left));
}

function foldRounding(name: string, keep: (value: number) => number, literal: Expr): Literal {
  switch (literal.kind) {
    case 'number':
      return numberOf(keep(literal.value));
    case 'integer': {
      const { value } = literal;
      const size = value < 0n ? BigInt.asIntN(64, -value) : value;
      return name === 'abs' ? { kind: 'integer', value: size } : literal;
    }
    case 'unsigned':
      return literal;
    default:
      return nil;
  }
}

function numberOf(value: number): Literal {
  return { kind: 'number', value };
}
