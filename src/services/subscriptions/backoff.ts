/** How long to wait after failures: twice as long each time, with jitter, up to a bound. */

import type { Clock, Rng } from '../../env/env.ts';

const firstMs = 100;
const lastMs = 15_000;

export class Backoff {
  readonly #env: { readonly clock: Clock; readonly rng: Rng };
  #failures = 0;
  /** Monotonic ms of the next attempt. */
  notBeforeMs = 0;

  constructor(env: { readonly clock: Clock; readonly rng: Rng }) {
    this.#env = env;
  }

  fail(): void {
    const { clock, rng } = this.#env;
    const fullMs = Math.min(lastMs, firstMs * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    this.notBeforeMs = clock.monotonicMs() + fullMs * (0.5 + rng.next() / 2);
  }

  reset(): void {
    this.#failures = 0;
    this.notBeforeMs = 0;
  }
}
