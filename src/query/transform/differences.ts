/** Transformations that compare a row with the one before: derivative, difference, elapsed. */

import type { Value } from '../columns/column-builder.ts';
import { toInteger } from '../columns/integers.ts';
import type { EmitRow, RowTransform } from './row-transform.ts';

interface Row {
  readonly time: bigint;
  readonly value: Value;
}

function subtract(after: Value, before: Value): number | bigint {
  if (typeof after === 'number' && typeof before === 'number') return after - before;
  return BigInt(after) - BigInt(before);
}

export interface DerivativeOptions {
  readonly isFloat: boolean;
  /** Length of time the change is given for. */
  readonly unitNs: number;
  readonly nonNegative: boolean;
  readonly descending: boolean;
}

/** Of rows with the same time only the first counts. */
export class Derivative implements RowTransform {
  readonly #options: DerivativeOptions;
  #previous: Row | undefined;

  constructor(options: DerivativeOptions) {
    this.#options = options;
  }

  add(time: bigint, value: Value, emit: EmitRow): void {
    const previous = this.#previous;
    if (previous?.time === time) return;
    this.#previous = { time, value };
    if (previous === undefined) return;
    const { isFloat, unitNs, nonNegative, descending } = this.#options;
    const difference = subtract(value, previous.value);
    const change = isFloat ? Number(difference) : Number(toInteger(difference));
    if (nonNegative && change < 0) return;
    const elapsed = Number(descending ? previous.time - time : time - previous.time);
    emit(time, change / (elapsed / unitNs));
  }
}

/** Integers wrap in 64 bits. Of rows with the same time only the first counts. */
export class Difference implements RowTransform {
  readonly #isFloat: boolean;
  readonly #nonNegative: boolean;
  #previous: Row | undefined;

  constructor(isFloat: boolean, nonNegative: boolean) {
    this.#isFloat = isFloat;
    this.#nonNegative = nonNegative;
  }

  add(time: bigint, value: Value, emit: EmitRow): void {
    const previous = this.#previous;
    if (previous?.time === time) return;
    this.#previous = { time, value };
    if (previous === undefined) return;
    const change = subtract(value, previous.value);
    const result = this.#isFloat ? change : toInteger(change);
    if (this.#nonNegative && result < 0) return;
    emit(time, result);
  }
}

export class Elapsed implements RowTransform {
  readonly #unitNs: bigint;
  #previous: bigint | undefined;

  constructor(unitNs: bigint) {
    this.#unitNs = unitNs;
  }

  add(time: bigint, _value: Value, emit: EmitRow): void {
    const previous = this.#previous;
    this.#previous = time;
    if (previous !== undefined) emit(time, toInteger((time - previous) / this.#unitNs));
  }
}
