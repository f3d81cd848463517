/** Bytes per second, smoothed: what was written so long ago counts for less, by half every 42 s. */

const smoothMs = 60_000;

export class WriteRate {
  /** Bytes per ms, at `#atMs`. */
  #rate = 0;
  #atMs = 0;

  /** Monotonic ms, which do not go back. */
  note(bytes: number, nowMs: number): void {
    this.#age(nowMs);
    this.#rate += bytes / smoothMs;
  }

  perSecond(nowMs: number): number {
    this.#age(nowMs);
    return this.#rate * 1_000;
  }

  #age(nowMs: number): void {
    if (nowMs === this.#atMs) return;
    if (this.#rate > 0) this.#rate *= Math.exp((this.#atMs - nowMs) / smoothMs);
    this.#atMs = nowMs;
  }
}
