/** Keeps a stream at or below a rate: after a burst it waits, over a pause it saves nothing up. */

import type { RpcEnv } from '../contract.ts';

export class Pace {
  readonly #env: RpcEnv;
  readonly #bytesPerSecond: number | undefined;
  /** When what was sent so far is paid for, monotonic ms. */
  #paidMs = 0;

  /** Undefined = no limit. */
  constructor(env: RpcEnv, bytesPerSecond: number | undefined) {
    this.#env = env;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when `bytes` may go. @throws CitadelError `cancelled` */
  async wait(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === undefined) return;
    const nowMs = this.#env.clock.monotonicMs();
    const delayMs = this.#paidMs - nowMs;
    this.#paidMs = Math.max(this.#paidMs, nowMs) + (bytes / this.#bytesPerSecond) * 1_000;
    if (delayMs > 0) await this.#env.timers.sleep(delayMs, signal);
  }
}
