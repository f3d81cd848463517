/** How what is on disk is looked after, and what came of it. */

export interface CareRules {
  /** From the start of one round to that of the next; 0 = no rounds. */
  readonly scrubIntervalMs: number;
  readonly scrubBytesPerSecond: number;
}

/** Since the start. */
export interface CareCounts {
  readonly scrubbedBytes: number;
  readonly scrubRounds: number;
  /** Stores, and log segments, in which damage was found. */
  readonly damageFound: number;
  readonly damageHealed: number;
}
