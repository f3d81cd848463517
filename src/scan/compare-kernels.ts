/**
 * Comparisons of doubles with one double or row by row, into masks of one byte a row. One small loop
 * per operator: the operator is chosen per batch, never per row.
 */

import type { CompareOp } from './scalar.ts';

export function compareWithNumber(
  op: CompareOp,
  values: Float64Array,
  bound: number,
  mask: Uint8Array,
): void {
  switch (op) {
    case '=':
      equalTo(values, bound, mask);
      return;
    case '!=':
      notEqualTo(values, bound, mask);
      return;
    case '<':
      lessThan(values, bound, mask);
      return;
    case '<=':
      atMost(values, bound, mask);
      return;
    case '>':
      greaterThan(values, bound, mask);
      return;
    case '>=':
      atLeast(values, bound, mask);
      return;
  }
}

function equalTo(values: Float64Array, bound: number, mask: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = values[i]! === bound ? 1 : 0;
}

function notEqualTo(values: Float64Array, bound: number, mask: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = values[i]! !== bound ? 1 : 0;
}

function lessThan(values: Float64Array, bound: number, mask: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = values[i]! < bound ? 1 : 0;
}

function atMost(values: Float64Array, bound: number, mask: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = values[i]! <= bound ? 1 : 0;
}

function greaterThan(values: Float64Array, bound: number, mask: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = values[i]! > bound ? 1 : 0;
}

function atLeast(values: Float64Array, bound: number, mask: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = values[i]! >= bound ? 1 : 0;
}

export function compareRows(
  op: CompareOp,
  left: Float64Array,
  right: Float64Array,
  mask: Uint8Array,
): void {
  switch (op) {
    case '=':
      equalRows(left, right, mask);
      return;
    case '!=':
      equalRows(left, right, mask);
      for (let i = 0; i < mask.length; i++) mask[i] = 1 - mask[i]!;
      return;
    case '<':
      lessRows(left, right, mask);
      return;
    case '<=':
      atMostRows(left, right, mask);
      return;
    case '>':
      lessRows(right, left, mask);
      return;
    case '>=':
      atMostRows(right, left, mask);
      return;
  }
}

function equalRows(left: Float64Array, right: Float64Array, mask: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = left[i]! === right[i]! ? 1 : 0;
}

function lessRows(left: Float64Array, right: Float64Array, mask: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = left[i]! < right[i]! ? 1 : 0;
}

function atMostRows(left: Float64Array, right: Float64Array, mask: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) mask[i] = left[i]! <= right[i]! ? 1 : 0;
}

/** mask := mask AND other; an absent other changes nothing. */
export function andMask(mask: Uint8Array, other: Uint8Array | undefined): void {
  if (!other) return;
  for (let i = 0; i < mask.length; i++) mask[i]! &= other[i]!;
}

export function orMask(mask: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < mask.length; i++) mask[i]! |= other[i]!;
}
