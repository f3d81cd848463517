/**
 * Hybrid logical clock: gives every accepted operation a stamp that only grows, near to wall time.
 *
 * A stamp is (ms since 2020-01-01) * 2048 + counter, carrying into the milliseconds; below 2^53 until 2159,
 * so a Float64 holds it exactly.
 *
 * Invariants
 *  - Stamps of one clock strictly ascend. After a restart they are above the durable reservation, everything in the log and
 *    everything in the stores: above every acknowledged write, and above every floor that was reported to peers.
 *  - The reservation is never ahead of the clock: a node that restarts after a crash gives no stamps from the future, which would
 *    beat what others write after it.
 *  - No stamp is given while the wall clock is outside [2020, 2150).
 */

import { CitadelError, invariant } from '../base/errors.ts';
import type { Hlc } from '../model/entry.ts';

/** 2020-01-01T00:00:00Z in ms since the Unix epoch. */
export const hlcEpochMs = 1_577_836_800_000;
export const hlcPerMs = 2048;
/** How far the clock may be ahead of its reservation. */
export const reserveAheadMs = 500;

/** 2150-01-01 */
const wallMsMax = 5_680_281_600_000;

/** The first stamp of a millisecond of wall time; 0 before 2020. */
export function toHlc(wallMs: number): Hlc {
  return Math.max(0, Math.floor(wallMs) - hlcEpochMs) * hlcPerMs;
}

/** Wall time a stamp stands for, ms since the Unix epoch. */
export function toWallMs(hlc: Hlc): number {
  return hlcEpochMs + Math.floor(hlc / hlcPerMs);
}

export class HybridClock {
  #last: Hlc;
  #reservedTo: Hlc;

  /** `last`: no stamp at or below it is given again; it is durable. */
  constructor(last: Hlc) {
    invariant(Number.isSafeInteger(last) && last >= 0, 'a stamp is a whole number below 2^53');
    this.#last = last;
    this.#reservedTo = last;
  }

  /** The highest stamp given or seen. */
  get last(): Hlc {
    return this.#last;
  }

  /** Durable: no restart gives a stamp at or below it. */
  get reservedTo(): Hlc {
    return this.#reservedTo;
  }

  /** Errors: `unavailable` when the wall clock is out of all reason. */
  next(wallMs: number): Hlc {
    if (wallMs < hlcEpochMs || wallMs >= wallMsMax) {
      throw new CitadelError(
        'unavailable',
        `cannot accept writes: the clock of this machine says ${wallMs} ms since 1970`,
      );
    }
    this.#last = Math.max(this.#last + 1, toHlc(wallMs));
    return this.#last;
  }

  /** Raises the clock to a stamp met elsewhere (the log, the store, a peer). */
  observe(stamp: Hlc): void {
    if (stamp > this.#last) this.#last = stamp;
  }

  /** What to make durable now, when the reservation lags; undefined = it is near enough. */
  wantedReservation(wallMs: number): Hlc | undefined {
    const now = Math.max(this.#last, wallMs < wallMsMax ? toHlc(wallMs) : 0);
    return now - this.#reservedTo < reserveAheadMs * hlcPerMs ? undefined : now;
  }

  /** The shell has made it durable: no stamp at or below it is given any more. */
  reserved(to: Hlc): void {
    if (to > this.#reservedTo) this.#reservedTo = to;
    this.observe(to);
  }
}
