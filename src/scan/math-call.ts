/**
 * Math functions in conditions. abs, ceil, floor and round keep the type of their argument, the
 * others give floats; a wrong type or count of arguments gives no value.
 */

import type { FieldType } from '../model/field-type.ts';
import { isNumeric, type Scalar } from './scalar.ts';

const floatCalls: Readonly<Record<string, (x: number) => number>> = {
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  exp: Math.exp,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sqrt: Math.sqrt,
};

const pairCalls: Readonly<Record<string, (x: number, y: number) => number>> = {
  atan2: Math.atan2,
  pow: Math.pow,
  log: (x, base) => Math.log(x) / Math.log(base),
};

const keepingCalls: Readonly<Record<string, (x: number) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  round: roundHalfAway,
};

/** Half away from zero. Adding 0.5 first would round 0.49999999999999994 up. */
function roundHalfAway(x: number): number {
  const whole = Math.trunc(x);
  return Math.abs(x - whole) >= 0.5 ? whole + Math.sign(x) : whole;
}

/** The function on doubles when it has one argument, and the type it gives; undefined: no such call. */
export function unaryCall(
  name: string,
  type: FieldType,
): { readonly apply: (x: number) => number; readonly type: FieldType } | undefined {
  if (!isNumeric(type)) return undefined;
  if (Object.hasOwn(keepingCalls, name)) {
    const isWhole = type !== 'float' && name !== 'abs';
    return { apply: isWhole ? (x) => x : keepingCalls[name]!, type };
  }
  if (Object.hasOwn(floatCalls, name)) return { apply: floatCalls[name]!, type: 'float' };
  return undefined;
}

export function applyCall(name: string, args: readonly (Scalar | undefined)[]): Scalar | undefined {
  const [first, second] = args;
  if (!first || !isNumeric(first.type)) return undefined;
  if (args.length === 1) return applyUnary(name, first);
  if (args.length !== 2 || !second || !isNumeric(second.type)) return undefined;
  if (!Object.hasOwn(pairCalls, name)) return undefined;
  return { type: 'float', value: pairCalls[name]!(Number(first.value), Number(second.value)) };
}

function applyUnary(name: string, arg: Scalar): Scalar | undefined {
  const call = unaryCall(name, arg.type);
  if (!call) return undefined;
  if (call.type === 'float') {
    const value = call.apply(Number(arg.value));
    const isOutside = arg.type !== 'float' && (name === 'asin' || name === 'acos');
    return isOutside && Number.isNaN(value) ? undefined : { type: 'float', value };
  }
  const whole = arg.value as bigint;
  const value = name === 'abs' && whole < 0n ? BigInt.asIntN(64, -whole) : whole;
  return { type: call.type as 'integer' | 'unsigned', value };
}
