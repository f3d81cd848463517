/** How a query goes on after failures: pauses that grow, fewer windows at once, and when to give up on some. */

import { CitadelError } from '../../base/errors.ts';
import type { Clock } from '../../env/env.ts';

const pauseMsMin = 1_000;
const pauseMsMax = 60_000;
/** After an answer that did not come, rows of the failed attempt may still be stored for so long. */
const unknownPauseMs = 12_000;
/** A window that failed so often by itself, for a reason that will not pass, is put aside. */
const attemptsMax = 3;
const shrinkFactor = 16;

function isPassing(error: unknown): boolean {
  if (!(error instanceof CitadelError)) return false;
  return error.retryable || error.code === 'cancelled' || error.code === 'conflict';
}

export class Failures {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #windowsMaxFirst: number;
  #windowsMax: number;
  #inRow = 0;
  /** Attempts in a row that failed for a reason that may pass. */
  #passing = 0;
  /** Attempts at one window. */
  #alone = 0;
  /** Nothing has succeeded since windows were put aside. */
  #isBroken = false;
  #retryAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>, windowsMax: number) {
    this.#clock = clock;
    this.#windowsMaxFirst = windowsMax;
    this.#windowsMax = windowsMax;
  }

  /** How many windows to compute at once. */
  get windowsMax(): number {
    return this.#windowsMax;
  }

  get inRow(): number {
    return this.#inRow;
  }

  get isPausing(): boolean {
    return this.#clock.monotonicMs() < this.#retryAtMs;
  }

  succeeded(): void {
    this.#inRow = 0;
    this.#passing = 0;
    this.#alone = 0;
    this.#isBroken = false;
    this.#windowsMax = Math.min(this.#windowsMaxFirst, this.#windowsMax * shrinkFactor);
  }

  /** Returns whether what failed is to be put aside. */
  failed(error: unknown): boolean {
    this.#inRow++;
    if (isPassing(error)) {
      const isUnknown = error instanceof CitadelError && error.code === 'timeout';
      this.#pause(this.#passing++, isUnknown ? unknownPauseMs : 0);
      return false;
    }
    this.#passing = 0;
    if (this.#windowsMax > 1) {
      this.#windowsMax = Math.max(1, Math.floor(this.#windowsMax / shrinkFactor));
      return false;
    }
    this.#pause(this.#alone++, 0);
    if (!this.#isBroken && this.#alone < attemptsMax) return false;
    this.#isBroken = true;
    this.#alone = 0;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    return true;
  }

  #pause(doublings: number, atLeastMs: number): void {
    const pauseMs = Math.min(pauseMsMax, pauseMsMin * 2 ** Math.min(doublings, 6));
    this.#retryAtMs = this.#clock.monotonicMs() + Math.max(pauseMs, atLeastMs);
  }
}
