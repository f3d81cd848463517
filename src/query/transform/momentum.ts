/** Indicators over a ring of the last rows: Kaufman's efficiency ratio and average, Chande's momentum. */

import type { Indicator } from './exponential.ts';

/** Net change over the sum of changes; the ring starts out as zeros. */
export class EfficiencyRatio implements Indicator {
  readonly warmCount: number;
  readonly #prices: Float64Array;
  readonly #changes: Float64Array;
  #noise = 0;
  #at = 0;

  constructor(period: number) {
    this.warmCount = period;
    this.#prices = new Float64Array(period);
    this.#changes = new Float64Array(period);
  }

  add(value: number): number {
    const oldest = (this.#at + 1) % this.#prices.length;
    const signal = Math.abs(value - this.#prices[oldest]!);
    const change = Math.abs(value - this.#prices[this.#at]!);
    this.#noise -= this.#changes[oldest]!;
    this.#noise += change;
    this.#at = oldest;
    this.#prices[oldest] = value;
    this.#changes[oldest] = change;
    return signal === 0 || this.#noise === 0 ? 0 : signal / this.#noise;
  }
}

const fast = 2 / (2 + 1);
const slow = 2 / (30 + 1);

export class AdaptiveAverage implements Indicator {
  readonly warmCount: number;
  readonly #ratio: EfficiencyRatio;
  #last = 0;
  #previous = 0;
  #count = 0;

  constructor(period: number) {
    this.#ratio = new EfficiencyRatio(period);
    this.warmCount = period;
  }

  /** Until it is warm it starts anew from the value before. */
  add(value: number): number {
    if (this.#count <= this.warmCount) {
      this.#count++;
      this.#last = this.#previous;
    }
    this.#previous = value;
    const smoothing = (this.#ratio.add(value) * (fast - slow) + slow) ** 2;
    this.#last += smoothing * (value - this.#last);
    return this.#last;
  }
}

/** Rises less falls over rises and falls, of the last so many changes. */
export class Momentum implements Indicator {
  readonly warmCount: number;
  readonly #changes: Float64Array;
  #last: number | undefined;
  #up = 0;
  #down = 0;
  #at = 0;

  constructor(period: number) {
    this.warmCount = period - 1;
    this.#changes = new Float64Array(period);
  }

  add(value: number): number {
    const change = this.#last === undefined ? 0 : value - this.#last;
    const oldest = this.#changes[this.#at]!;
    if (oldest > 0) this.#up -= oldest;
    else this.#down += oldest;
    if (change > 0) this.#up += change;
    else this.#down -= change;
    this.#changes[this.#at] = change;
    this.#at = (this.#at + 1) % this.#changes.length;
    this.#last = value;
    const sum = this.#up + this.#down;
    return sum === 0 ? 0 : 100 * ((this.#up - this.#down) / sum);
  }
}
