/**
 * Says whether the wall clock may be trusted to judge retention: a clock that jumped years ahead must
 * delete nothing.
 *
 * A mark {wall clock} is saved each minute. Whenever the wall clock is more than a day off the mark plus
 * the monotonic time since, retention waits for 24 h of uptime; until then the mark stays where it was, so
 * that a restart does not make the jump look normal.
 *
 * File: `clock-mark`, JSON, docs/formats/data-directory.md.
 */

import { CitadelError } from '../base/errors.ts';
import type { Clock, Disk } from '../env/env.ts';

const markFile = 'clock-mark';
const dayMs = 86_400_000;

export interface ClockMark {
  readonly wallMs: number;
}

export class RetentionClock {
  readonly #clock: Clock;
  #markWallMs: number;
  #markMonotonicMs: number;
  /** Monotonic ms since which the clock has been off; undefined = trusted. */
  #suspectSinceMs: number | undefined;

  /** `saved`: the mark of an earlier run; undefined = first run. */
  constructor(clock: Clock, saved: ClockMark | undefined) {
    this.#clock = clock;
    this.#markWallMs = saved?.wallMs ?? clock.wallMs();
    this.#markMonotonicMs = clock.monotonicMs();
  }

  /** Call each minute. True: files past their retention may go now, and `mark` is to be saved. */
  check(): boolean {
    const now = this.#clock.monotonicMs();
    const expected = this.#markWallMs + (now - this.#markMonotonicMs);
    const isOff = Math.abs(this.#clock.wallMs() - expected) > dayMs;
    if (isOff) this.#suspectSinceMs ??= now;
    else this.#suspectSinceMs = undefined;
    const waited = this.#suspectSinceMs === undefined || now - this.#suspectSinceMs >= dayMs;
    if (!waited) return false;
    this.#suspectSinceMs = undefined;
    this.#markWallMs = this.#clock.wallMs();
    this.#markMonotonicMs = now;
    return true;
  }

  get mark(): ClockMark {
    return { wallMs: this.#markWallMs };
  }
}

export async function loadClockMark(disk: Disk): Promise<ClockMark | undefined> {
  try {
    const text = new TextDecoder().decode(await disk.readAll(markFile));
    const { wallMs } = JSON.parse(text) as Partial<ClockMark>;
    // Unreadable: as far off as can be, so that retention waits.
    return { wallMs: typeof wallMs === 'number' ? wallMs : 0 };
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return undefined;
    if (error instanceof SyntaxError) return { wallMs: 0 };
    throw error;
  }
}

export async function saveClockMark(disk: Disk, mark: ClockMark): Promise<void> {
  await disk.writeAtomic(markFile, new TextEncoder().encode(`${JSON.stringify(mark)}\n`));
}
