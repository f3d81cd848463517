/**
 * holt_winters: rows of a window each are continued by damped exponential smoothing with a trend and, if
 * asked for, a multiplicative season. Smoothing factors, first level, trend and seasons are fitted so that
 * the squared error of the recursion, run on its own forecasts from the first value, is least.
 *
 * Digits agree with InfluxDB's only because every operation is in its order.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Value } from '../columns/column-builder.ts';
import { type Minimum, minimize } from './nelder-mead.ts';
import type { EmitRow, RowTransform } from './row-transform.ts';

export interface HoltWintersOptions {
  /** How many windows to forecast. */
  readonly horizon: number;
  /** Windows of a season; below 2 there is none. */
  readonly season: number;
  /** Whether the fitted rows come out too. */
  readonly withFit: boolean;
  readonly intervalNs: bigint;
}

/** Values and forecasts together. */
const gridMax = 1_000_000;
const epsilon = 1e-4;
/** First guesses of each of the four factors. */
const guesses = [0.3, 0.7];
const factorCount = 4;
const phiAt = 3;
const levelAt = 4;
const trendAt = 5;
const seasonsAt = 6;
const startWeight = 0.5;
/** What one value of a forecast costs, in values that are merged or printed. */
const workPerValue = 1;
/** Forecast in one go: about 2 ms. */
const sliceSize = 50_000;
const rowsPerLook = 4_096;

/** By squaring: the order in which rounding happens is part of the answer. */
function power(base: number, exponent: number): number {
  let result = 1;
  let factor = base;
  for (let left = exponent; left > 0; left >>= 1) {
    if ((left & 1) === 1) result *= factor;
    factor *= factor;
  }
  return result;
}

function gridTime(time: bigint, interval: bigint): bigint {
  const rest = time % interval;
  const whole = (time / interval) * interval;
  return rest > interval / 2n ? whole + interval : whole;
}

export class HoltWinters implements RowTransform {
  readonly #options: HoltWintersOptions;
  readonly #times: bigint[] = [];
  readonly #values: number[] = [];

  constructor(options: HoltWintersOptions) {
    this.#options = options;
  }

  add(time: bigint, value: Value): void {
    this.#times.push(time);
    this.#values.push(Number(value));
  }

  /** @throws CitadelError `limit-exceeded` when the windows, or the forecast, are too many */
  *conclude(emit: EmitRow): Generator<number> {
    const { horizon, season, withFit, intervalNs } = this.#options;
    const [first, last] = [this.#times[0], this.#times.at(-1)];
    if (first === undefined || last === undefined || first === last) return;
    if (season >= 2 && this.#times.length < season) return;
    const series = yield* this.#spread(first, last);
    if (series === undefined || series.length < season) return;
    const model = new SeasonalModel(series, season);
    const best = yield* model.fit();
    const forecast = yield* model.forecast(horizon, best.point);
    const from = withFit ? 0 : series.length;
    const origin = withFit ? first : last + intervalNs;
    for (let i = from; i < forecast.length; i++) {
      const value = forecast[i]!;
      if (!Number.isNaN(value)) emit(origin + intervalNs * BigInt(i - from), value);
      if (i % rowsPerLook === 0) yield rowsPerLook;
    }
  }

  /** One value per window, NaN where there was none; undefined = less than two windows. */
  *#spread(first: bigint, last: bigint): Generator<number, Float64Array | undefined> {
    const { intervalNs, horizon } = this.#options;
    const start = gridTime(first, intervalNs);
    const count = (gridTime(last, intervalNs) - start) / intervalNs;
    if (count <= 0n) return undefined;
    const total = count + 1n + BigInt(horizon);
    if (total > BigInt(gridMax)) {
      const text = `max-select-buckets limit exceeded: (${total}/${gridMax})`;
      throw new CitadelError('limit-exceeded', text);
    }
    const series = new Float64Array(Number(count) + 1).fill(Number.NaN);
    let taken = -1;
    for (const [i, time] of this.#times.entries()) {
      const at = Number((gridTime(time, intervalNs) - start) / intervalNs);
      if (at > taken) series[at] = this.#values[i]!;
      taken = Math.max(taken, at);
      if (i % rowsPerLook === 0) yield rowsPerLook;
    }
    return series;
  }
}

/** The recursion on its own forecasts, as far as it has come. */
class Forecast {
  readonly values: Float64Array;
  readonly #point: Float64Array;
  /** 0 = none. */
  readonly #season: number;
  #next = 1;
  #level: number;
  #trend: number;
  #damping: number;
  #origin: number;

  /** The point's factors are put within [0, 1]; its seasons move. */
  constructor(first: number, length: number, season: number, point: Float64Array) {
    for (let i = 0; i < factorCount; i++) point[i] = Math.min(1, Math.max(0, point[i]!));
    this.values = new Float64Array(length);
    this.values[0] = first;
    this.#point = point;
    this.#season = season;
    this.#level = point[levelAt]!;
    this.#trend = point[trendAt]!;
    this.#damping = point[phiAt]!;
    this.#origin = season - 1;
  }

  get isDone(): boolean {
    return this.#next >= this.values.length;
  }

  /** `count` values more, or as many as there are. */
  advance(count: number): void {
    const [alpha, beta, gamma, phi] = this.#point as unknown as [number, number, number, number];
    const season = this.#season;
    const seasons = this.#point.subarray(seasonsAt);
    const values = this.values;
    const until = Math.min(this.#next + count, values.length);
    let value = values[this.#next - 1]!;
    let level = this.#level;
    let trend = this.#trend;
    let damping = this.#damping;
    let origin = this.#origin;
    for (let t = this.#next; t < until; t++) {
      const before = season === 0 ? 1 : seasons[(t - season + origin) % season]!;
      const ahead = season === 0 ? 1 : seasons[(t - season + (t % season) + origin) % season]!;
      const damped = level + phi * trend;
      const nextLevel = alpha * (value / before) + (1 - alpha) * damped;
      const nextTrend = beta * (nextLevel - level) + (1 - beta) * phi * trend;
      const nextSeason = gamma * (value / damped) + (1 - gamma) * before;
      value = (nextLevel + damping * nextTrend) * ahead;
      level = nextLevel;
      trend = nextTrend;
      damping += power(phi, t);
      if (season > 0) {
        seasons[(t + origin) % season] = nextSeason;
        origin++;
      }
      values[t] = value;
    }
    this.#next = until;
    this.#level = level;
    this.#trend = trend;
    this.#damping = damping;
    this.#origin = origin;
  }
}

class SeasonalModel {
  readonly #series: Float64Array;
  /** 0 = none. */
  readonly #season: number;
  #work = 0;

  constructor(series: Float64Array, season: number) {
    this.#series = series;
    this.#season = season >= 2 ? season : 0;
  }

  /** Searches from every combination of first guesses. */
  *fit(): Generator<number, Minimum> {
    const start = this.#startPoint();
    let best: Minimum | undefined;
    for (let combination = 0; combination < guesses.length ** factorCount; combination++) {
      for (let factor = 0; factor < factorCount; factor++) {
        const bit = (combination >> (factorCount - 1 - factor)) & 1;
        start[factor] = guesses[bit]!;
      }
      const found = yield* minimize((point) => this.#squaredError(point), start, epsilon);
      if (best === undefined || found.value < best.value) best = found;
    }
    return best!;
  }

  /** The values and `horizon` more; the point changes. Yields work. */
  *forecast(horizon: number, point: Float64Array): Generator<number, Float64Array> {
    const [first = Number.NaN] = this.#series;
    const run = new Forecast(first, this.#series.length + horizon, this.#season, point);
    while (!run.isDone) {
      run.advance(sliceSize);
      this.#work += Math.min(sliceSize, run.values.length) * workPerValue;
      if (this.#work < sliceSize) continue;
      yield this.#work;
      this.#work = 0;
    }
    return run.values;
  }

  *#squaredError(point: Float64Array): Generator<number, number> {
    const forecast = yield* this.forecast(0, point);
    let sum = 0;
    for (let i = 0; i < forecast.length; i++) {
      const actual = this.#series[i]!;
      if (Number.isNaN(actual)) continue;
      if (Number.isNaN(forecast[i]!)) return Number.POSITIVE_INFINITY;
      const error = forecast[i]! - actual;
      sum += error * error;
    }
    return sum;
  }

  #startPoint(): Float64Array {
    const point = new Float64Array(seasonsAt + this.#season);
    if (this.#season === 0) this.#startPlain(point);
    else this.#startSeasonal(point);
    return point;
  }

  #startPlain(point: Float64Array): void {
    const [first, second] = [this.#series[0]!, this.#series[1]!];
    point[levelAt] = startWeight * first;
    if (!Number.isNaN(second)) point[trendAt] = startWeight * (second - first);
  }

  /** Mean of the first season, mean slope to the second, and the first season relative to its mean. */
  #startSeasonal(point: Float64Array): void {
    const season = this.#season;
    const series = this.#series;
    let level = 0;
    let trend = 0;
    for (let i = 0; i < season; i++) {
      if (!Number.isNaN(series[i]!)) level += (1 / season) * series[i]!;
    }
    for (let i = 0; i < season && season + i < series.length; i++) {
      const slope = series[season + i]! - series[i]!;
      if (!Number.isNaN(slope)) trend += (1 / (season * season)) * slope;
    }
    point[levelAt] = level;
    point[trendAt] = trend;
    for (let i = 0; i < season; i++) {
      point[seasonsAt + i] = Number.isNaN(series[i]!) ? 0 : series[i]! / level;
    }
  }
}
