/**
 * InfluxQL operators on single values: the plain statement of their meaning, which folding of
 * constants and the rare paths use and the vector kernels must equal.
 *
 * A missing value (undefined) fails every comparison and makes arithmetic missing. Numbers compare
 * by their exact values across types. Types that do not fit compare as false, never as an error.
 */

import type { FieldType } from '../model/field-type.ts';
import type { BinaryOp } from '../model/plan.ts';

export type Scalar =
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'integer' | 'unsigned'; readonly value: bigint }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'boolean'; readonly value: boolean };

export type CompareOp = '=' | '!=' | '<' | '<=' | '>' | '>=';
export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^';

const compareOps: ReadonlySet<string> = new Set(['=', '!=', '<', '<=', '>', '>=']);

export function isCompareOp(op: BinaryOp): op is CompareOp {
  return compareOps.has(op);
}

export function isNumeric(type: FieldType): boolean {
  return type === 'float' || type === 'integer' || type === 'unsigned';
}

export function compareScalars(
  op: CompareOp,
  a: Scalar | undefined,
  b: Scalar | undefined,
): boolean {
  if (!a || !b) return false;
  if (isNumeric(a.type) && isNumeric(b.type)) {
    return compareNumbers(op, a.value as number | bigint, b.value as number | bigint);
  }
  if (a.type !== b.type) return false;
  if (op === '=') return a.value === b.value;
  return op === '!=' && a.value !== b.value;
}

/** JavaScript compares bigints with numbers by value, without rounding. */
function compareNumbers(op: CompareOp, a: number | bigint, b: number | bigint): boolean {
  switch (op) {
    case '=':
      return a <= b && a >= b;
    case '!=':
      return !(a <= b && a >= b);
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
  }
}

/** Undefined: no combination of these types has a value. */
export function arithmeticType(
  op: ArithmeticOp,
  a: FieldType,
  b: FieldType,
): FieldType | undefined {
  const isBitwise = op === '&' || op === '|' || op === '^';
  if (a === 'boolean' && b === 'boolean') return isBitwise ? 'boolean' : undefined;
  if (!isNumeric(a) || !isNumeric(b)) return undefined;
  if (a === 'float' || b === 'float') return isBitwise ? undefined : 'float';
  if (a === 'unsigned' || b === 'unsigned') return 'unsigned';
  return op === '/' ? 'float' : 'integer';
}

export function applyArithmetic(
  op: ArithmeticOp,
  a: Scalar | undefined,
  b: Scalar | undefined,
): Scalar | undefined {
  if (!a || !b) return undefined;
  const type = arithmeticType(op, a.type, b.type);
  switch (type) {
    case 'boolean':
      return { type, value: applyBoolean(op, a.value === true, b.value === true) };
    case 'float':
      return { type, value: applyFloat(op, Number(a.value), Number(b.value)) };
    case 'integer':
      return {
        type,
        value: BigInt.asIntN(64, applyInteger(op, a.value as bigint, b.value as bigint)),
      };
    case 'unsigned': {
      const left = BigInt.asUintN(64, a.value as bigint);
      const right = BigInt.asUintN(64, b.value as bigint);
      return { type, value: BigInt.asUintN(64, applyInteger(op, left, right)) };
    }
    default:
      return undefined;
  }
}

function applyBoolean(op: ArithmeticOp, a: boolean, b: boolean): boolean {
  if (op === '&') return a && b;
  return op === '|' ? a || b : a !== b;
}

/** Division by zero is zero, for every type. */
export function applyFloat(op: ArithmeticOp, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0 ? 0 : a / b;
    default:
      return a % b;
  }
}

function applyInteger(op: ArithmeticOp, a: bigint, b: bigint): bigint {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0n ? 0n : a / b;
    case '%':
      return b === 0n ? 0n : a % b;
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
  }
}

/** Both sides of AND and OR: a missing value is false, anything but a boolean spoils the whole. */
export function applyLogic(op: 'and' | 'or', a: Scalar | undefined, b: Scalar | undefined): Scalar {
  const left = a ?? falseScalar;
  const right = b ?? falseScalar;
  if (left.type !== 'boolean' || right.type !== 'boolean') return falseScalar;
  const value = op === 'and' ? left.value && right.value : left.value || right.value;
  return { type: 'boolean', value };
}

const falseScalar: Scalar = { type: 'boolean', value: false };
