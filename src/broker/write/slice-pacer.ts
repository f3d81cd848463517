/**
 * How many bytes of a body to work on at a time: as many as take a few milliseconds, by what the last ones took.
 *
 * Rows of known series cost a tenth of rows of new ones, so no fixed size is both: large enough for
 * few, large frames, and small enough to let other requests in.
 */

import type { Clock } from '../../env/env.ts';

const sliceMsGoal = 8;
/** A machine that is busy with other things must not make frames so small that they cost more than their rows. */
const sliceSizeMin = 256 * 1024;
/** Five thousand rows of a usual benchmark stay in one piece. */
const sliceSizeMax = 2 * 1024 * 1024;
const sliceSizeFirst = 1024 * 1024;
/**
 * Share of the newest measurement. Slow ones are believed slowly: most of them were held up by other threads, and a body
 * in several pieces costs a cluster as many times the messages.
 */
const weights = { faster: 0.6, slower: 0.2 } as const;
/** A rest that is larger than a slice by no more than this is taken with it. */
const stretchMax = 1.5;

export class SlicePacer {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #size = sliceSizeFirst;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  get sliceSize(): number {
    return this.#size;
  }

  /** Of so many bytes that are left, how many to take: no small rest remains. */
  sliceOf(restBytes: number): number {
    if (restBytes <= this.#size * stretchMax) return restBytes;
    return Math.ceil(restBytes / Math.ceil(restBytes / this.#size));
  }

  /** Runs work on a slice that must not wait, and learns from the time it takes. */
  run<T>(size: number, work: () => T): T {
    const startMs = this.#clock.monotonicMs();
    const result = work();
    const elapsedMs = this.#clock.monotonicMs() - startMs;
    // The end of a body says little about the pace.
    if (size >= sliceSizeMin) this.#learn(size, elapsedMs);
    return result;
  }

  #learn(size: number, elapsedMs: number): void {
    const possible = elapsedMs > 0 ? (size / elapsedMs) * sliceMsGoal : sliceSizeMax;
    const weight = possible > this.#size ? weights.faster : weights.slower;
    const next = this.#size * (1 - weight) + possible * weight;
    this.#size = Math.min(sliceSizeMax, Math.max(sliceSizeMin, Math.ceil(next)));
  }
}
