/** `max-row-limit`: how many rows a whole answer may still hold; 0 = no limit. */

export class RowBudget {
  #left: number;

  constructor(limit: number) {
    this.#left = limit > 0 ? limit : Number.POSITIVE_INFINITY;
  }

  get isSpent(): boolean {
    return this.#left === 0;
  }

  /** How many of `count` rows may go out; they are counted. */
  take(count: number): number {
    const taken = Math.min(count, this.#left);
    this.#left -= taken;
    return taken;
  }
}
