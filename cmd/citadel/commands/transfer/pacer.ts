/** Keeps a transfer at a rate. */

import { setTimeout as sleep } from 'node:timers/promises';

export class Pacer {
  readonly #rate: number;
  readonly #signal: AbortSignal;
  #freeAtMs = performance.now();

  /** Points per second; 0 = as fast as it goes. */
  constructor(rate: number, signal: AbortSignal) {
    this.#rate = rate;
    this.#signal = signal;
  }

  /** Resolves when so many points may go. Time that was not used is lost: no burst makes up for it. */
  async take(points: number): Promise<void> {
    if (this.#rate === 0) return;
    const nowMs = performance.now();
    const startMs = Math.max(nowMs, this.#freeAtMs);
    this.#freeAtMs = startMs + (points / this.#rate) * 1000;
    if (startMs <= nowMs) return;
    await sleep(startMs - nowMs, undefined, { signal: this.#signal }).catch(() => undefined);
  }
}
