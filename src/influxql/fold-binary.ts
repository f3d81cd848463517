/**
 * One operator applied to two constants, with InfluxDB's rules for mixing types: integers wrap in 64
 * bits, division by zero is zero, a string that reads as a time becomes one where a time makes sense.
 */

import type { BinaryOp, Expr, Literal } from './ast.ts';
import { parseTimeText } from './time-text.ts';

const int64Max = 9223372036854775807n;
const int64Min = -9223372036854775808n;

/** What Go's conversion of a float to int64 yields. */
export function floatToInt64(value: number): bigint {
  if (!(value >= -(2 ** 63) && value < 2 ** 63)) return int64Min;
  return BigInt(Math.trunc(value));
}

function boolean(value: boolean): Literal {
  return { kind: 'boolean', value };
}

function integer(value: bigint): Literal {
  return { kind: 'integer', value: BigInt.asIntN(64, value) };
}

function unsigned(value: bigint): Literal {
  return { kind: 'unsigned', value: BigInt.asUintN(64, value) };
}

function number(value: number): Literal {
  return { kind: 'number', value };
}

function duration(ns: bigint): Literal {
  return { kind: 'duration', ns: BigInt.asIntN(64, ns) };
}

function time(ns: bigint): Literal {
  return { kind: 'time', ns };
}

function clampToInt64(value: bigint): bigint {
  if (value > int64Max) return int64Max;
  return value < int64Min ? int64Min : value;
}

/** A comparison of two values of one type. */
function compare<T extends number | bigint>(op: BinaryOp, left: T, right: T): Literal | undefined {
  switch (op) {
    case '=':
      return boolean(left === right);
    case '!=':
      return boolean(left !== right);
    case '<':
      return boolean(left < right);
    case '<=':
      return boolean(left <= right);
    case '>':
      return boolean(left > right);
    case '>=':
      return boolean(left >= right);
    default:
      return undefined;
  }
}

/** The constant that `left op right` is; undefined when it is none. */
export function foldBinary(
  op: BinaryOp,
  left: Expr,
  right: Expr,
  zone: string | undefined,
): Literal | undefined {
  switch (left.kind) {
    case 'boolean':
      return foldBoolean(op, left.value, right);
    case 'duration':
      return foldDuration(op, left.ns, right, zone);
    case 'integer':
      return foldInteger(op, left.value, right, zone);
    case 'unsigned':
      return foldUnsigned(op, left.value, right);
    case 'number':
      return foldNumber(op, left.value, right);
    case 'string':
      return foldString(op, left.value, right, zone);
    case 'time':
      return foldTime(op, left.ns, right, zone);
    case 'nil':
      return op === '=' || op === '!=' ? boolean(false) : undefined;
    default:
      return undefined;
  }
}

function foldBoolean(op: BinaryOp, left: boolean, right: Expr): Literal | undefined {
  if (right.kind === 'nil') return boolean(false);
  if (right.kind !== 'boolean') return undefined;
  switch (op) {
    case '=':
      return boolean(left === right.value);
    case '!=':
    case '^':
      return boolean(left !== right.value);
    case 'AND':
    case '&':
      return boolean(left && right.value);
    case 'OR':
    case '|':
      return boolean(left || right.value);
    default:
      return undefined;
  }
}

function foldDuration(
  op: BinaryOp,
  left: bigint,
  right: Expr,
  zone: string | undefined,
): Literal | undefined {
  switch (right.kind) {
    case 'duration':
      if (op === '+') return duration(left + right.ns);
      if (op === '-') return duration(left - right.ns);
      return compare(op, left, right.ns);
    case 'number':
      return scaleDuration(op, left, floatToInt64(right.value));
    case 'integer':
      return scaleDuration(op, left, right.value);
    case 'time':
      return op === '+' ? time(left + right.ns) : undefined;
    case 'string': {
      const ns = parseTimeText(right.value, zone);
      return ns !== undefined && op === '+' ? time(left + ns) : undefined;
    }
    case 'nil':
      return boolean(false);
    default:
      return undefined;
  }
}

function scaleDuration(op: BinaryOp, ns: bigint, factor: bigint): Literal | undefined {
  if (op === '*') return duration(ns * factor);
  if (op !== '/') return undefined;
  return duration(factor === 0n ? 0n : ns / factor);
}

function foldInteger(
  op: BinaryOp,
  left: bigint,
  right: Expr,
  zone: string | undefined,
): Literal | undefined {
  switch (right.kind) {
    case 'number':
      return foldNumber(op, Number(left), right);
    case 'integer':
      return foldIntegers(op, left, right.value);
    case 'unsigned':
      if (left < 0n && (op === '<' || op === '<=')) return boolean(true);
      if (left < 0n && (op === '>' || op === '>=')) return boolean(false);
      return foldUnsigned(op, BigInt.asUintN(64, left), right);
    case 'duration':
      // The integer is a time.
      if (op === '+') return time(left + right.ns);
      return op === '-' ? time(left - right.ns) : undefined;
    case 'time':
    case 'string':
      return foldDuration(op, left, right, zone);
    case 'nil':
      return boolean(false);
    default:
      return undefined;
  }
}

function foldIntegers(op: BinaryOp, left: bigint, right: bigint): Literal | undefined {
  switch (op) {
    case '+':
      return integer(left + right);
    case '-':
      return integer(left - right);
    case '*':
      return integer(left * right);
    case '/':
      return number(right === 0n ? 0 : Number(left) / Number(right));
    case '%':
      return integer(right === 0n ? 0n : left % right);
    case '&':
      return integer(left & right);
    case '|':
      return integer(left | right);
    case '^':
      return integer(left ^ right);
    default:
      return compare(op, left, right);
  }
}

function foldUnsigned(op: BinaryOp, left: bigint, right: Expr): Literal | undefined {
  switch (right.kind) {
    case 'number':
      return foldNumber(op, Number(left), right);
    case 'integer':
      if (right.value < 0n && (op === '<' || op === '<=')) return boolean(false);
      if (right.value < 0n && (op === '>' || op === '>=')) return boolean(true);
      return foldUnsigneds(op, left, BigInt.asUintN(64, right.value));
    case 'unsigned':
      return foldUnsigneds(op, left, right.value);
    default:
      return undefined;
  }
}

function foldUnsigneds(op: BinaryOp, left: bigint, right: bigint): Literal | undefined {
  switch (op) {
    case '+':
      return unsigned(left + right);
    case '-':
      return unsigned(left - right);
    case '*':
      return unsigned(left * right);
    case '/':
      return unsigned(right === 0n ? 0n : left / right);
    case '%':
      return unsigned(right === 0n ? 0n : left % right);
    default:
      return compare(op, left, right);
  }
}

function foldNumber(op: BinaryOp, left: number, right: Expr): Literal | undefined {
  switch (right.kind) {
    case 'number':
      return foldNumbers(op, left, right.value);
    case 'integer':
    case 'unsigned':
      return foldNumbers(op, left, Number(right.value));
    case 'nil':
      return boolean(false);
    default:
      return undefined;
  }
}

function foldNumbers(op: BinaryOp, left: number, right: number): Literal | undefined {
  switch (op) {
    case '+':
      return number(left + right);
    case '-':
      return number(left - right);
    case '*':
      return number(left * right);
    case '/':
      return number(right === 0 ? 0 : left / right);
    case '%':
      return number(left % right);
    default:
      return compare(op, left, right);
  }
}

function foldString(
  op: BinaryOp,
  left: string,
  right: Expr,
  zone: string | undefined,
): Literal | undefined {
  switch (right.kind) {
    case 'string':
      return foldStrings(op, left, right.value, zone);
    case 'duration':
    case 'time':
    case 'integer': {
      const ns = parseTimeText(left, zone);
      return ns === undefined ? undefined : foldTime(op, ns, right, zone);
    }
    case 'nil':
      return op === '=' || op === '!=' ? boolean(false) : undefined;
    default:
      return undefined;
  }
}

function foldStrings(
  op: BinaryOp,
  left: string,
  right: string,
  zone: string | undefined,
): Literal | undefined {
  if (op === '+') return { kind: 'string', value: left + right };
  const leftNs = parseTimeText(left, zone);
  const rightNs = parseTimeText(right, zone);
  if (leftNs !== undefined && rightNs !== undefined) return foldTimes(op, leftNs, rightNs);
  if (op === '=') return boolean(left === right);
  return op === '!=' ? boolean(left !== right) : undefined;
}

function foldTime(
  op: BinaryOp,
  left: bigint,
  right: Expr,
  zone: string | undefined,
): Literal | undefined {
  switch (right.kind) {
    case 'duration':
      return shiftTime(op, left, right.ns);
    case 'integer':
      return shiftTime(op, left, right.value);
    case 'time':
      return foldTimes(op, left, right.ns);
    case 'string': {
      const ns = parseTimeText(right.value, zone);
      return ns === undefined ? undefined : foldTimes(op, left, ns);
    }
    case 'nil':
      return boolean(false);
    default:
      return undefined;
  }
}

function shiftTime(op: BinaryOp, ns: bigint, by: bigint): Literal | undefined {
  if (op === '+') return time(ns + by);
  return op === '-' ? time(ns - by) : undefined;
}

function foldTimes(op: BinaryOp, left: bigint, right: bigint): Literal | undefined {
  return op === '-' ? duration(clampToInt64(left - right)) : compare(op, left, right);
}
