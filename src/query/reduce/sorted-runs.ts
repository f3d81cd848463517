/**
 * Many numbers of which one is wanted by its rank: kept in sorted runs of bounded length, searched by
 * halving between all doubles, so that no step takes long however many there are.
 *
 * 8 bytes per number. Not a number is not for here.
 */

const capacityFirst = 64;
const runLength = 65_536;
/** Halvings until one double is left. */
const doubleBits = 64;

const oneDouble = new Float64Array(1);
const oneWord = new BigInt64Array(oneDouble.buffer);
const signBit = 1n << 63n;

/** Whole numbers in the order of the doubles. */
function orderOf(value: number): bigint {
  oneDouble[0] = value;
  const word = oneWord[0]!;
  return word < 0n ? -(word + signBit) - 1n : word;
}

function doubleOf(order: bigint): number {
  oneWord[0] = order < 0n ? -(order + 1n) - signBit : order;
  return oneDouble[0]!;
}

/** How many of a sorted run are at most the value. */
function countUpTo(run: Float64Array, value: number): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (run[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class SortedRuns {
  #runs: Float64Array[] = [];
  #open = new Float64Array(capacityFirst);
  #openCount = 0;

  get count(): number {
    return this.#runs.length * runLength + this.#openCount;
  }

  get heldBytes(): number {
    return this.#runs.length * runLength * 8 + this.#open.byteLength;
  }

  add(value: number): void {
    if (this.#openCount === this.#open.length) this.#makeRoom();
    this.#open[this.#openCount++] = value;
  }

  /** The number that `rank` others precede in order; `rank` is below the count. */
  at(rank: number): number {
    const open = this.#open.subarray(0, this.#openCount).sort();
    if (this.#runs.length === 0) return open[rank]!;
    return this.#find([...this.#runs, open], rank);
  }

  *values(): Generator<Float64Array> {
    yield* this.#runs;
    yield this.#open.subarray(0, this.#openCount);
  }

  clear(): void {
    this.#runs = [];
    this.#openCount = 0;
  }

  #makeRoom(): void {
    if (this.#open.length < runLength) {
      const grown = new Float64Array(this.#open.length * 2);
      grown.set(this.#open);
      this.#open = grown;
      return;
    }
    this.#runs.push(this.#open.sort());
    this.#open = new Float64Array(runLength);
    this.#openCount = 0;
  }

  #find(runs: readonly Float64Array[], rank: number): number {
    let low = orderOf(Number.NEGATIVE_INFINITY);
    let high = orderOf(Number.POSITIVE_INFINITY);
    for (let step = 0; step < doubleBits && low < high; step++) {
      const middle = (low + high) >> 1n;
      const value = doubleOf(middle);
      let count = 0;
      for (const run of runs) count += countUpTo(run, value);
      if (count > rank) high = middle;
      else low = middle + 1n;
    }
    return doubleOf(low) + 0;
  }
}
