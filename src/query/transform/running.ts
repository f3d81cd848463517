/** Transformations that carry a sum along: cumulative_sum, moving_average, integral. */

import type { Value } from '../columns/column-builder.ts';
import { toInteger } from '../columns/integers.ts';
import { type Window, type WindowRule, windowAt } from '../windows.ts';
import type { EmitRow, RowTransform } from './row-transform.ts';

function add(a: Value, b: Value): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') {
    return a + b;
  }
  return BigInt(a) + BigInt(b);
}

/** Integers are exact and wrap in 64 bits. */
function addIntegers(a: Value, b: Value): number | bigint {
  const sum = add(a, b);
  if (typeof sum === 'number' && Number.isSafeInteger(sum)) return sum;
  return toInteger(BigInt(a) + BigInt(b));
}

export class CumulativeSum implements RowTransform {
  readonly #isFloat: boolean;
  #sum: number | bigint = 0;

  constructor(isFloat: boolean) {
    this.#isFloat = isFloat;
  }

  add(time: bigint, value: Value, emit: EmitRow): void {
    this.#sum = this.#isFloat ? add(this.#sum, value) : addIntegers(this.#sum, value);
    emit(time, this.#sum);
  }
}

/** Means of the last so many rows, from the first time there are as many. */
export class MovingAverage implements RowTransform {
  readonly #isFloat: boolean;
  readonly #size: number;
  readonly #window: Value[] = [];
  #at = 0;
  #sum: number | bigint = 0;

  constructor(isFloat: boolean, size: number) {
    this.#isFloat = isFloat;
    this.#size = size;
  }

  add(time: bigint, value: Value, emit: EmitRow): void {
    if (this.#window.length < this.#size) {
      this.#window.push(value);
    } else {
      const oldest = this.#window[this.#at]!;
      this.#sum = this.#plus(typeof oldest === 'number' ? -oldest : -BigInt(oldest));
      this.#window[this.#at] = value;
      this.#at = (this.#at + 1) % this.#size;
    }
    this.#sum = this.#plus(value);
    if (this.#window.length === this.#size) emit(time, Number(this.#sum) / this.#size);
  }

  #plus(value: Value): number | bigint {
    return this.#isFloat ? add(this.#sum, value) : addIntegers(this.#sum, value);
  }
}

export interface IntegralOptions {
  /** What the area is divided by. */
  readonly unitNs: number;
  readonly windows: WindowRule | undefined;
  readonly descending: boolean;
  /** The time of the area without windows. */
  readonly timeNs: bigint;
}

interface Point {
  readonly time: bigint;
  readonly value: number;
}

/**
 * Area under straight lines between the rows. Windows cut it where they end; a last row that lies on
 * the start of its window adds no window.
 */
export class Integral implements RowTransform {
  readonly #options: IntegralOptions;
  #previous: Point | undefined;
  #start = 0n;
  #end = 0n;
  #sum = 0;

  constructor(options: IntegralOptions) {
    this.#options = options;
    this.#start = options.timeNs;
  }

  add(time: bigint, value: Value, emit: EmitRow): void {
    const point = { time, value: Number(value) };
    if (this.#previous === undefined) this.#enter(time);
    else if (this.#previous.time !== time) {
      const from = this.#isBeyond(time)
        ? this.#leaveWindow(this.#previous, point, emit)
        : this.#previous;
      this.#addArea(from, point);
    }
    this.#previous = point;
  }

  finish(emit: EmitRow): void {
    if (this.#previous === undefined || this.#previous.time === this.#start) return;
    emit(this.#start, this.#sum);
  }

  #enter(time: bigint): void {
    const { windows, descending } = this.#options;
    if (windows === undefined) return;
    const { start, end }: Window = windowAt(windows, time);
    this.#start = descending ? end : start;
    this.#end = descending ? start : end;
  }

  #isBeyond(time: bigint): boolean {
    const { windows, descending } = this.#options;
    if (windows === undefined) return false;
    return descending ? time <= this.#end : time >= this.#end;
  }

  /** Adds what lies before the end of the window, and goes on from there. */
  #leaveWindow(previous: Point, point: Point, emit: EmitRow): Point {
    const time = this.#end;
    const slope = (point.value - previous.value) / Number(point.time - previous.time);
    const value = slope * Number(time - previous.time) + previous.value;
    const edge = { time, value };
    if (previous.time !== time) this.#addArea(previous, edge);
    emit(this.#start, this.#sum);
    this.#enter(point.time);
    this.#sum = 0;
    return edge;
  }

  #addArea(from: Point, until: Point): void {
    const elapsed = Number(until.time - from.time) / this.#options.unitNs;
    this.#sum += 0.5 * (until.value + from.value) * elapsed;
  }
}
