/**
 * Keeps long work polite: every few milliseconds it lets the thread do something else, and it ends the
 * work when its signal has fired.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';

const sliceMs = 5;

export class Pacer {
  readonly #env: Pick<Env, 'clock' | 'timers'>;
  readonly #signal: AbortSignal | undefined;
  #started: number;

  constructor(env: Pick<Env, 'clock' | 'timers'>, signal?: AbortSignal) {
    this.#env = env;
    this.#signal = signal;
    this.#started = env.clock.monotonicMs();
  }

  /** True when it is time to breathe: loops ask this, and only then await. */
  get isDue(): boolean {
    return this.#env.clock.monotonicMs() - this.#started >= sliceMs;
  }

  /** @throws CitadelError `cancelled` */
  async breathe(): Promise<void> {
    if (!this.isDue) return;
    await this.#env.timers.yieldNow();
    this.check();
    this.#started = this.#env.clock.monotonicMs();
  }

  /** @throws CitadelError `cancelled` */
  check(): void {
    if (this.#signal?.aborted) throw new CitadelError('cancelled', 'the work was cancelled');
  }
}
