/**
 * The Nelder-Mead simplex method: finds where a function of several numbers is least, without slopes.
 *
 * What it answers depends on the order of every operation, because each step hangs on comparisons of the ones
 * before; that order is InfluxDB's, so that forecasts agree to the digit. The function may change the point
 * it is given (only copies of its own values are passed on), which counts as part of the search.
 */

const iterationsMax = 1_000;
const contraction = 0.5;
const expansion = 2;

export type Objective = (point: Float64Array) => Generator<number, number>;

export interface Minimum {
  readonly value: number;
  readonly point: Float64Array;
}

/** Corners of the start: the point itself, and one step along each axis. */
function startSimplex(start: Float64Array): Float64Array[] {
  const size = start.length;
  const root = Math.sqrt(size + 1) - 1;
  const far = (root + size) / (size * Math.SQRT2);
  const near = root / (size * Math.SQRT2);
  const others = Array.from({ length: size }, (_, axis) =>
    start.map((value, j) => (j === axis ? far : near) + value),
  );
  return [start.slice(), ...others];
}

class Simplex {
  readonly #objective: Objective;
  readonly #corners: Float64Array[];
  readonly #values: Float64Array;
  readonly #size: number;
  #worst = 0;
  #best = 0;
  #second = 0;

  constructor(objective: Objective, start: Float64Array) {
    this.#objective = objective;
    this.#size = start.length;
    this.#corners = startSimplex(start);
    this.#values = new Float64Array(this.#corners.length);
  }

  /** Before the first step. */
  *open(): Generator<number, void> {
    for (const [i, corner] of this.#corners.entries()) {
      this.#values[i] = yield* this.#objective(corner);
    }
  }

  /** One reflection, with what follows from it. */
  *step(): Generator<number, void> {
    this.#rank();
    const { worstCorner, centre } = this.#centre();
    const reflected = centre.map((c, i) => c + (c - worstCorner[i]!));
    const value = yield* this.#objective(reflected);
    const [best, second] = [this.#values[this.#best]!, this.#values[this.#second]!];
    if (value < second && value >= best) this.#replaceWorst(reflected, value);
    if (value < best) yield* this.#expand(centre, reflected, value);
    if (value >= second) yield* this.#contract(centre, reflected, value);
  }

  isDone(epsilon: number): boolean {
    let sum = 0;
    for (const value of this.#values) sum += value;
    const mean = sum / (this.#size + 1);
    let variance = 0;
    for (const value of this.#values) variance += ((value - mean) * (value - mean)) / this.#size;
    return Math.sqrt(variance) < epsilon;
  }

  /** The value is computed anew from the best corner, which may move by it. */
  *minimum(): Generator<number, Minimum> {
    let best = 0;
    for (let i = 1; i <= this.#size; i++) if (this.#values[i]! < this.#values[best]!) best = i;
    const corner = this.#corners[best]!;
    const point = corner.slice();
    return { value: yield* this.#objective(corner), point };
  }

  #rank(): void {
    const values = this.#values;
    let worst = 0;
    let best = 0;
    for (let i = 1; i <= this.#size; i++) {
      if (values[i]! > values[worst]!) worst = i;
      if (values[i]! < values[best]!) best = i;
    }
    let second = best;
    for (let i = 0; i <= this.#size; i++) {
      if (values[i]! > values[second]! && values[i]! < values[worst]!) second = i;
    }
    this.#worst = worst;
    this.#best = best;
    this.#second = second;
  }

  /** The middle of all corners but the worst. */
  #centre(): { readonly worstCorner: Float64Array; readonly centre: Float64Array } {
    const centre = new Float64Array(this.#size);
    for (let i = 0; i < this.#size; i++) {
      let sum = 0;
      this.#corners.forEach((corner, index) => {
        if (index !== this.#worst) sum += corner[i]!;
      });
      centre[i] = sum / this.#size;
    }
    return { worstCorner: this.#corners[this.#worst]!, centre };
  }

  #replaceWorst(point: Float64Array, value: number): void {
    this.#corners[this.#worst]!.set(point);
    this.#values[this.#worst] = value;
  }

  *#expand(centre: Float64Array, reflected: Float64Array, value: number): Generator<number, void> {
    const further = centre.map((c, i) => c + expansion * (reflected[i]! - c));
    const furtherValue = yield* this.#objective(further);
    if (furtherValue < value) this.#replaceWorst(further, furtherValue);
    else this.#replaceWorst(reflected, value);
  }

  *#contract(
    centre: Float64Array,
    reflected: Float64Array,
    value: number,
  ): Generator<number, void> {
    const worstCorner = this.#corners[this.#worst]!;
    const isOutside = value < this.#values[this.#worst]!;
    const nearer = isOutside
      ? centre.map((c, i) => c + contraction * (reflected[i]! - c))
      : centre.map((c, i) => c - contraction * (c - worstCorner[i]!));
    const nearerValue = yield* this.#objective(nearer);
    if (nearerValue < this.#values[this.#worst]!) this.#replaceWorst(nearer, nearerValue);
    else yield* this.#shrink();
  }

  /** All corners move halfway to the best; only two are looked at again. */
  *#shrink(): Generator<number, void> {
    const best = this.#corners[this.#best]!;
    for (const corner of this.#corners) {
      if (corner === best) continue;
      for (let i = 0; i < this.#size; i++) corner[i] = best[i]! + (corner[i]! - best[i]!) / 2;
    }
    for (const index of [this.#worst, this.#second]) {
      this.#values[index] = yield* this.#objective(this.#corners[index]!);
    }
  }
}

/** Yields work as the objective does. */
export function* minimize(
  objective: Objective,
  start: Float64Array,
  epsilon: number,
): Generator<number, Minimum> {
  const simplex = new Simplex(objective, start);
  yield* simplex.open();
  for (let i = 0; i < iterationsMax; i++) {
    yield* simplex.step();
    if (simplex.isDone(epsilon)) break;
  }
  return yield* simplex.minimum();
}
