/**
 * Are two answers equal? Byte for byte, but that floats may differ in the last digits, where sums are
 * formed in another order.
 */

import type { Answer } from './servers.ts';

/** Strings are skipped so that digits in them count exactly. */
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

const relativeErrorMax = 1e-12;

function isFraction(text: string): boolean {
  return /[.eE]/.test(text);
}

/** Whole numbers must be the same text; a fraction on either side makes it a float. */
function numbersEqual(left: string, right: string): boolean {
  if (left === right) return true;
  if (!isFraction(left) && !isFraction(right)) return false;
  const a = Number(left);
  const b = Number(right);
  return Math.abs(a - b) <= relativeErrorMax * Math.max(Math.abs(a), Math.abs(b));
}

interface Split {
  readonly skeleton: string;
  readonly numbers: readonly string[];
}

function splitNumbers(body: string): Split {
  const numbers: string[] = [];
  const skeleton = body.replace(stringOrNumber, (token) => {
    if (token.startsWith('"')) return token;
    numbers.push(token);
    return '#';
  });
  return { skeleton, numbers };
}

export function answersEqual(left: Answer, right: Answer): boolean {
  if (left.status !== right.status) return false;
  if (left.body === right.body) return true;
  const a = splitNumbers(left.body);
  const b = splitNumbers(right.body);
  return (
    a.skeleton === b.skeleton && a.numbers.every((number, i) => numbersEqual(number, b.numbers[i]!))
  );
}
