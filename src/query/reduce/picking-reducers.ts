/** Reducers that pick rows or values: first, last, min, max, mode, distinct. */

import { compareText } from '../../scan/text-order.ts';
import { readValue, type Value } from '../columns/column-builder.ts';
import type { Frame } from '../frame.ts';
import { answerOf, noAnswer, type ReducedRow, type Reducer } from './reducer.ts';

export function compareValues(a: Value, b: Value): number {
  if (typeof a === 'string' || typeof b === 'string') return compareText(String(a), String(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

interface Candidate {
  readonly value: Value;
  readonly time: bigint;
  readonly frame: Frame;
  readonly row: number;
}

/** Whether the second is to be preferred to the first. */
export type Preference = (best: Candidate, other: Candidate) => boolean;

/** Ties of time go to the larger value; for booleans `first` prefers false. */
export function preferFirst(isBoolean: boolean): Preference {
  return (best, other) => {
    if (other.time !== best.time) return other.time < best.time;
    const order = compareValues(other.value, best.value);
    return isBoolean ? order < 0 : order > 0;
  };
}

export const preferLast: Preference = (best, other) =>
  other.time === best.time ? compareValues(other.value, best.value) > 0 : other.time > best.time;

/** Ties of value go to the earlier time. */
export const preferLeast: Preference = (best, other) => {
  const order = compareValues(other.value, best.value);
  return order < 0 || (order === 0 && other.time < best.time);
};

export const preferGreatest: Preference = (best, other) => {
  const order = compareValues(other.value, best.value);
  return order > 0 || (order === 0 && other.time < best.time);
};

export class BestRowReducer implements Reducer {
  readonly #column: number;
  readonly #prefers: Preference;
  #best: Candidate | undefined;

  constructor(column: number, prefers: Preference) {
    this.#column = column;
    this.#prefers = prefers;
  }

  add(frame: Frame, from: number, until: number): void {
    const column = frame.columns[this.#column];
    for (let row = from; row < until; row++) {
      const value = readValue(column, row);
      if (value === undefined) continue;
      const candidate = { value, time: frame.times[row]!, frame, row };
      if (this.#best === undefined || this.#prefers(this.#best, candidate)) this.#best = candidate;
    }
  }

  finish(): readonly ReducedRow[] {
    const best = this.#best;
    this.#best = undefined;
    return best === undefined ? noAnswer : [best];
  }
}

interface Occurrence {
  /** As it first occurred: a map takes -0 for 0. */
  readonly value: Value;
  count: number;
  firstTime: bigint;
  lastTime: bigint;
}

/** Of a value with its times in a map. */
const occurrenceBytes = 200;

/** Returns how many bytes it keeps more, roughly. */
function countValues(
  seen: Map<Value, Occurrence>,
  column: number,
  frame: Frame,
  range: { readonly from: number; readonly until: number },
): number {
  let bytes = 0;
  for (let row = range.from; row < range.until; row++) {
    const value = readValue(frame.columns[column], row);
    if (value === undefined) continue;
    const time = frame.times[row]!;
    const known = seen.get(value);
    if (known === undefined) {
      seen.set(value, { value, count: 1, firstTime: time, lastTime: time });
      bytes += occurrenceBytes + (typeof value === 'string' ? value.length : 0);
    } else {
      known.count++;
      if (time < known.firstTime) known.firstTime = time;
      if (time > known.lastTime) known.lastTime = time;
    }
  }
  return bytes;
}

/**
 * InfluxDB walks the values in ascending order: one that is as frequent as the best so far replaces
 * it unless it first occurs after the best one's last occurrence. Values that occur once are not even
 * compared, but for the least. Of booleans a tie is true.
 */
export class ModeReducer implements Reducer {
  heldBytes = 0;
  readonly #column: number;
  readonly #isBoolean: boolean;
  #seen = new Map<Value, Occurrence>();

  constructor(column: number, isBoolean: boolean) {
    this.#column = column;
    this.#isBoolean = isBoolean;
  }

  add(frame: Frame, from: number, until: number): void {
    this.heldBytes += countValues(this.#seen, this.#column, frame, { from, until });
  }

  finish(): readonly ReducedRow[] {
    const values = [...this.#seen].sort(([a], [b]) => compareValues(a, b));
    this.#seen = new Map();
    this.heldBytes = 0;
    let [best] = values;
    if (best === undefined) return noAnswer;
    for (const other of values) if (this.#replaces(best[1], other[1])) best = other;
    return answerOf(best[0]);
  }

  #replaces(best: Occurrence, other: Occurrence): boolean {
    if (other.count !== best.count) return other.count > best.count;
    if (this.#isBoolean) return true;
    return other.count > 1 && other.firstTime <= best.lastTime;
  }
}

interface DistinctOptions {
  readonly asCount: boolean;
  readonly descending: boolean;
}

/** In order of first occurrence (descending queries: of last), then of value. */
export class DistinctReducer implements Reducer {
  heldBytes = 0;
  readonly #column: number;
  readonly #options: DistinctOptions;
  #seen = new Map<Value, Occurrence>();

  constructor(column: number, options: DistinctOptions) {
    this.#column = column;
    this.#options = options;
  }

  add(frame: Frame, from: number, until: number): void {
    this.heldBytes += countValues(this.#seen, this.#column, frame, { from, until });
  }

  finish(): readonly ReducedRow[] {
    const seen = [...this.#seen.values()];
    this.#seen = new Map();
    this.heldBytes = 0;
    if (seen.length === 0) return noAnswer;
    const { asCount, descending } = this.#options;
    if (asCount) return answerOf(seen.length);
    const timeOf = descending
      ? ({ lastTime }: Occurrence) => lastTime
      : ({ firstTime }: Occurrence) => firstTime;
    seen.sort((a, b) => compareValues(timeOf(a), timeOf(b)) || compareValues(a.value, b.value));
    return seen.map(({ value }) => ({ value, frame: undefined, row: 0 }));
  }
}
