/** A warning that may have cause to come very often: said at once, then at most once a minute, with the sum. */

import type { Clock, Log, LogFields } from '../../env/env.ts';

const periodMs = 60_000;

export class OccasionalWarning {
  readonly #env: { readonly clock: Clock; readonly log: Log };
  readonly #event: string;
  #count = 0;
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(env: { readonly clock: Clock; readonly log: Log }, event: string) {
    this.#env = env;
    this.#event = event;
  }

  note(count: number, fields: LogFields): void {
    const { clock, log } = this.#env;
    this.#count += count;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#saidMs < periodMs) return;
    log.warn(this.#event, { count: this.#count, ...fields });
    this.#count = 0;
    this.#saidMs = nowMs;
  }
}
