/**
 * Hybrid logical clock: gives every accepted operation a stamp that only grows, near to wall time.
 *
 * A stamp is (ms since 2020-01-01) * 2048 + counter, carrying into the milliseconds; below 2^53 until 2159,
 * so a Float64 holds it exactly.
 *
 * Invariants
 *  - Stamps of one clock strictly ascend, over restarts too: none is given above `reservedTo`, which the
 *    shell makes durable ahead of time, and a clock starts at what was reserved before.
 *  - No stamp is given while the wall clock is outside [2020, 2150).
 */

import { CitadelError, invariant } from '../base/errors.ts';
import type { Hlc } from '../model/entry.ts';

/** 2020-01-01T00:00:00Z in ms since the Unix epoch. */
export const hlcEpochMs = 1_577_836_800_000;
export const hlcPerMs = 2048;
/** How far ahead a reservation goes. */
export const reserveAheadMs = 10_000;

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

  /** `last`: no stamp at or below it is given again; nothing is reserved yet. */
  constructor(last: Hlc) {
    invariant(Number.isSafeInteger(last) && last >= 0, 'a stamp is a whole number below 2^53');
    this.#last = last;
    this.#reservedTo = last;
  }

  /** The highest stamp given or seen. */
  get last(): Hlc {
    return this.#last;
  }

  get reservedTo(): Hlc {
    return this.#reservedTo;
  }

  /** Undefined: the reservation is used up; reserve and ask again. */
  next(wallMs: number): Hlc | undefined {
    if (wallMs < hlcEpochMs || wallMs >= wallMsMax) {
      throw new CitadelError(
        'unavailable',
        `cannot accept writes: the clock of this machine says ${wallMs} ms since 1970`,
      );
    }
    const stamp = Math.max(this.#last + 1, toHlc(wallMs));
    if (stamp > this.#reservedTo) return undefined;
    this.#last = stamp;
    return stamp;
  }

  /** Raises the clock to a stamp met elsewhere (the log, the store, a peer). */
  observe(stamp: Hlc): void {
    if (stamp > this.#last) this.#last = stamp;
  }

  /** What to make durable now, when less than half a reservation is left; undefined = enough. */
  wantedReservation(wallMs: number): Hlc | undefined {
    const now = Math.max(this.#last, toHlc(wallMs));
    const half = (reserveAheadMs / 2) * hlcPerMs;
    return this.#reservedTo - now >= half ? undefined : now + reserveAheadMs * hlcPerMs;
  }

  /** The shell has made it durable. */
  reserved(to: Hlc): void {
    if (to > this.#reservedTo) this.#reservedTo = to;
  }
}
