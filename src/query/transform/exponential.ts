/**
 * Exponential moving averages and what is made of them. The order of operations is InfluxDB's, so
 * that digits agree.
 */

export type Warmup = 'exponential' | 'simple';

/** A number in, a number out, with the rows it takes until the numbers mean something. */
export interface Indicator {
  readonly warmCount: number;
  add(value: number): number;
}

export class ExponentialAverage implements Indicator {
  readonly warmCount: number;
  readonly #period: number;
  readonly #alpha: number;
  readonly #warmup: Warmup;
  #last = 0;
  #count = 0;

  constructor(period: number, warmup: Warmup, alpha: number = 2 / (period + 1)) {
    this.#period = period;
    this.#alpha = alpha;
    this.#warmup = warmup;
    this.warmCount = period - 1;
  }

  get last(): number {
    return this.#last;
  }

  get isWarm(): boolean {
    return this.#count === this.#period;
  }

  /** The next stage may start. */
  get feeds(): boolean {
    return this.isWarm || this.#warmup === 'exponential';
  }

  add(value: number): number {
    this.#last = this.#next(value);
    if (this.#count < this.#period) this.#count++;
    return this.#last;
  }

  #next(value: number): number {
    if (this.#count === 0) return value;
    if (this.isWarm) return (value - this.#last) * this.#alpha + this.#last;
    if (this.#warmup === 'simple') {
      return (this.#last * this.#count + value) / (this.#count + 1);
    }
    const alpha = 2 / (this.#count + 2);
    return (value - this.#last) * alpha + this.#last;
  }
}

/** Averages of averages; with a simple warm-up a stage starts when the one before it is warm. */
class Stages {
  readonly warmCount: number;
  readonly #stages: readonly ExponentialAverage[];

  constructor(count: number, period: number, warmup: Warmup) {
    this.#stages = Array.from({ length: count }, () => new ExponentialAverage(period, warmup));
    this.warmCount = (period - 1) * (warmup === 'simple' ? count : 1);
  }

  /** The value of every stage; one that has not started repeats the one before it. */
  add(value: number): number[] {
    let feeds = true;
    let last = value;
    return this.#stages.map((stage) => {
      if (feeds) last = stage.add(last);
      feeds &&= stage.feeds;
      return last;
    });
  }
}

export class DoubleAverage implements Indicator {
  readonly #stages: Stages;

  constructor(period: number, warmup: Warmup) {
    this.#stages = new Stages(2, period, warmup);
  }

  get warmCount(): number {
    return this.#stages.warmCount;
  }

  add(value: number): number {
    const [first, second] = this.#stages.add(value) as [number, number];
    return 2 * first - second;
  }
}

export class TripleAverage implements Indicator {
  readonly #stages: Stages;

  constructor(period: number, warmup: Warmup) {
    this.#stages = new Stages(3, period, warmup);
  }

  get warmCount(): number {
    return this.#stages.warmCount;
  }

  add(value: number): number {
    const [first, second, third] = this.#stages.add(value) as [number, number, number];
    return 3 * first - 3 * second + third;
  }
}

/** Percent of change of the triple average. */
export class TripleDerivative implements Indicator {
  readonly #stages: Stages;
  #last = 0;

  constructor(period: number, warmup: Warmup) {
    this.#stages = new Stages(3, period, warmup);
  }

  get warmCount(): number {
    return this.#stages.warmCount + 1;
  }

  add(value: number): number {
    const current = this.#stages.add(value)[2]!;
    const rate = (current / this.#last - 1) * 100;
    this.#last = current;
    return rate;
  }
}

/** Averages of rises and of falls; what came before the first value is 0. */
class Moves {
  readonly warmCount: number;
  readonly up: ExponentialAverage;
  readonly down: ExponentialAverage;
  #last = 0;

  constructor(period: number, warmup: Warmup) {
    this.up = new ExponentialAverage(period + 1, warmup, 1 / period);
    this.down = new ExponentialAverage(period + 1, warmup, 1 / period);
    this.warmCount = period;
  }

  add(value: number): void {
    this.up.add(value > this.#last ? value - this.#last : 0);
    this.down.add(value < this.#last ? this.#last - value : 0);
    this.#last = value;
  }
}

export class RelativeStrength implements Indicator {
  readonly #moves: Moves;

  constructor(period: number, warmup: Warmup) {
    this.#moves = new Moves(period, warmup);
  }

  get warmCount(): number {
    return this.#moves.warmCount;
  }

  add(value: number): number {
    this.#moves.add(value);
    return 100 - 100 / (1 + this.#moves.up.last / this.#moves.down.last);
  }
}

/** The Chande momentum oscillator over smoothed moves. */
export class SmoothedMomentum implements Indicator {
  readonly #moves: Moves;

  constructor(period: number, warmup: Warmup) {
    this.#moves = new Moves(period, warmup);
  }

  get warmCount(): number {
    return this.#moves.warmCount;
  }

  add(value: number): number {
    this.#moves.add(value);
    const up = this.#moves.up.last;
    const down = this.#moves.down.last;
    // No moves at all give NaN, which prints as null.
    return 100 * ((up - down) / (up + down));
  }
}
