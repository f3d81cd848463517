/** Choices by seed. */

import { makeRandom } from '../../influxql/generate.ts';

export class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = makeRandom(seed);
  }

  roll(): number {
    return this.#random();
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** From 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<Item>(options: readonly Item[]): Item {
    return options[this.below(options.length)]!;
  }

  /** From 1 to `max` of them, some perhaps twice. */
  some<Item>(options: readonly Item[], max: number): Item[] {
    return Array.from({ length: 1 + this.below(max) }, () => this.pick(options));
  }

  /** One of the makers, by weight. */
  weighted<Result>(makers: readonly (readonly [weight: number, make: () => Result])[]): Result {
    const total = makers.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.#random() * total;
    for (const [weight, make] of makers) {
      left -= weight;
      if (left < 0) return make();
    }
    return makers.at(-1)![1]();
  }
}
