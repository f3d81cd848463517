/** Reducers that need only numbers: count, sum, mean, spread, stddev, median. */

import type { Column } from '../../model/column.ts';
import type { FieldType } from '../../model/field-type.ts';
import type { Frame } from '../frame.ts';
import { answerOf, noAnswer, type ReducedRow, type Reducer } from './reducer.ts';
import { SortedRuns } from './sorted-runs.ts';

function isNull(column: Column, row: number): boolean {
  return column.valid !== undefined && column.valid[row] === 0;
}

/** Numbers of a numeric column, 64-bit ones as they are; undefined for other types. */
function numbersOf(column: Column | undefined) {
  if (column === undefined || column.type === 'string' || column.type === 'boolean') {
    return undefined;
  }
  return column.values;
}

export class CountReducer implements Reducer {
  readonly #column: number;
  #count = 0;

  constructor(column: number) {
    this.#column = column;
  }

  add(frame: Frame, from: number, until: number): void {
    const column = frame.columns[this.#column];
    if (column === undefined) return;
    for (let row = from; row < until; row++) if (!isNull(column, row)) this.#count++;
  }

  finish(): readonly ReducedRow[] {
    const count = this.#count;
    this.#count = 0;
    return count === 0 ? noAnswer : answerOf(count);
  }
}

const int64Bits = 64;

/** Integer sums are kept exactly and wrap in 64 bits. */
export class SumReducer implements Reducer {
  readonly #column: number;
  readonly #type: FieldType;
  readonly #asMean: boolean;
  #count = 0;
  #sum = 0;
  #wideSum = 0n;

  constructor(column: number, type: FieldType, asMean: boolean) {
    this.#column = column;
    this.#type = type;
    this.#asMean = asMean;
  }

  add(frame: Frame, from: number, until: number): void {
    const column = frame.columns[this.#column];
    const values = numbersOf(column);
    if (column === undefined || values === undefined) return;
    for (let row = from; row < until; row++) {
      if (isNull(column, row)) continue;
      this.#count++;
      const value = values[row]!;
      const sum = typeof value === 'number' ? this.#sum + value : Number.NaN;
      if (this.#type === 'float' || Number.isSafeInteger(sum)) {
        this.#sum = sum;
      } else {
        this.#wideSum += BigInt(this.#sum) + BigInt(value);
        this.#sum = 0;
      }
    }
  }

  finish(): readonly ReducedRow[] {
    const count = this.#count;
    const sum = this.#sum;
    const wide = this.#wideSum + (this.#type === 'float' ? 0n : BigInt(sum));
    this.#count = 0;
    this.#sum = 0;
    this.#wideSum = 0n;
    if (count === 0) return noAnswer;
    if (this.#type === 'float') return answerOf(this.#asMean ? sum / count : sum);
    const wrapped =
      this.#type === 'integer' ? BigInt.asIntN(int64Bits, wide) : BigInt.asUintN(int64Bits, wide);
    const total = Number(wrapped);
    if (this.#asMean) return answerOf(total / count);
    return answerOf(Number.isSafeInteger(total) ? total : wrapped);
  }
}

export class SpreadReducer implements Reducer {
  readonly #column: number;
  #min: number | bigint | undefined;
  #max: number | bigint | undefined;

  constructor(column: number) {
    this.#column = column;
  }

  add(frame: Frame, from: number, until: number): void {
    const column = frame.columns[this.#column];
    const values = numbersOf(column);
    if (column === undefined || values === undefined) return;
    for (let row = from; row < until; row++) {
      if (isNull(column, row)) continue;
      const value = values[row]!;
      if (this.#min === undefined || value < this.#min) this.#min = value;
      if (this.#max === undefined || value > this.#max) this.#max = value;
    }
  }

  finish(): readonly ReducedRow[] {
    const min = this.#min;
    const max = this.#max;
    this.#min = undefined;
    this.#max = undefined;
    if (min === undefined || max === undefined) return noAnswer;
    if (typeof min === 'number' && typeof max === 'number') return answerOf(max - min);
    return answerOf(BigInt.asIntN(int64Bits, BigInt(max) - BigInt(min)));
  }
}

/** Welford's running variance; of one row it is null. */
export class StddevReducer implements Reducer {
  readonly #column: number;
  #count = 0;
  #mean = 0;
  #squares = 0;

  constructor(column: number) {
    this.#column = column;
  }

  add(frame: Frame, from: number, until: number): void {
    const column = frame.columns[this.#column];
    const values = numbersOf(column);
    if (column === undefined || values === undefined) return;
    for (let row = from; row < until; row++) {
      if (isNull(column, row)) continue;
      const value = Number(values[row]);
      const before = value - this.#mean;
      this.#count++;
      this.#mean += before / this.#count;
      this.#squares += before * (value - this.#mean);
    }
  }

  finish(): readonly ReducedRow[] {
    const count = this.#count;
    const squares = this.#squares;
    this.#count = 0;
    this.#mean = 0;
    this.#squares = 0;
    if (count === 0) return noAnswer;
    return answerOf(count === 1 ? undefined : Math.sqrt(squares / (count - 1)));
  }
}

/** Keeps the numbers of one window; an even count takes the mean of the middle two. */
export class MedianReducer implements Reducer {
  readonly #column: number;
  readonly #numbers = new SortedRuns();

  constructor(column: number) {
    this.#column = column;
  }

  get heldBytes(): number {
    return this.#numbers.heldBytes;
  }

  add(frame: Frame, from: number, until: number): void {
    const column = frame.columns[this.#column];
    const values = numbersOf(column);
    if (column === undefined || values === undefined) return;
    for (let row = from; row < until; row++) {
      if (!isNull(column, row)) this.#numbers.add(Number(values[row]));
    }
  }

  finish(): readonly ReducedRow[] {
    const { count } = this.#numbers;
    if (count === 0) return noAnswer;
    const middle = count >> 1;
    const high = this.#numbers.at(middle);
    const low = count % 2 === 1 ? high : this.#numbers.at(middle - 1);
    this.#numbers.clear();
    return answerOf(low + (high - low) / 2);
  }
}
