/**
 * percentile(): the number of nearest rank, index floor(n * p / 100 + 0.5) - 1 in order of value; none
 * when that is out of range. Of several rows with it, the first stands for it.
 */

import { readValue, type Value } from '../columns/column-builder.ts';
import type { Frame } from '../frame.ts';
import { frameSize } from '../limits/frame-size.ts';
import { compareValues } from './picking-reducers.ts';
import { noAnswer, type ReducedRow, type Reducer } from './reducer.ts';
import { SortedRuns } from './sorted-runs.ts';

interface Stretch {
  readonly frame: Frame;
  readonly from: number;
  readonly until: number;
}

/** A bigint in a list. */
const wideBytes = 32;

export interface PercentileOptions {
  readonly percent: number;
  /** The row is asked for, not only its value. */
  readonly picksRow: boolean;
}

export class PercentileReducer implements Reducer {
  readonly #column: number;
  readonly #options: PercentileOptions;
  readonly #numbers = new SortedRuns();
  /** In place of the numbers from the first integer column on that is not safe. */
  #wide: bigint[] | undefined;
  #stretches: Stretch[] = [];
  #frameBytes = 0;

  constructor(column: number, options: PercentileOptions) {
    this.#column = column;
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#numbers.heldBytes + (this.#wide?.length ?? 0) * wideBytes + this.#frameBytes;
  }

  add(frame: Frame, from: number, until: number): void {
    const column = frame.columns[this.#column];
    if (column === undefined || column.type === 'string') return;
    const { values, valid } = column;
    if (values instanceof BigInt64Array || values instanceof BigUint64Array) this.#widen();
    for (let row = from; row < until; row++) {
      if (valid !== undefined && valid[row] === 0) continue;
      if (this.#wide === undefined) this.#numbers.add(values[row] as number);
      else this.#wide.push(BigInt(values[row]!));
    }
    if (!this.#options.picksRow) return;
    this.#stretches.push({ frame, from, until });
    this.#frameBytes += (frameSize(frame) * (until - from)) / frame.rowCount;
  }

  finish(): readonly ReducedRow[] {
    const count = this.#wide?.length ?? this.#numbers.count;
    const index = Math.floor((count * this.#options.percent) / 100 + 0.5) - 1;
    const isThere = index >= 0 && index < count;
    const answer = isThere ? [this.#rowOf(this.#valueAt(index))] : noAnswer;
    this.#numbers.clear();
    this.#wide = undefined;
    this.#stretches = [];
    this.#frameBytes = 0;
    return answer;
  }

  #widen(): void {
    if (this.#wide !== undefined) return;
    this.#wide = [];
    for (const run of this.#numbers.values()) for (const one of run) this.#wide.push(BigInt(one));
    this.#numbers.clear();
  }

  #valueAt(index: number): Value {
    if (this.#wide === undefined) return this.#numbers.at(index);
    const value = this.#wide.sort(compareValues)[index]!;
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #rowOf(value: Value): ReducedRow {
    for (const { frame, from, until } of this.#stretches) {
      const column = frame.columns[this.#column];
      for (let row = from; row < until; row++) {
        const other = readValue(column, row);
        // Integers are numbers here and bigints there.
        if (other !== undefined && compareValues(other, value) === 0) {
          return { value: other, frame, row };
        }
      }
    }
    return { value, frame: undefined, row: 0 };
  }
}
