/** Version vector of a shard replica: origin -> n means all of that origin's entries 1..n are applied here. */

export type Versions = Readonly<Record<string, number>>;

export class VersionVector {
  readonly #sequences: Map<string, number>;

  constructor(versions: Versions = {}) {
    this.#sequences = new Map(Object.entries(versions));
  }

  /** 0 = nothing of this origin. */
  get(origin: string): number {
    return this.#sequences.get(origin) ?? 0;
  }

  /** Counts an applied entry. False when one before it is missing: then nothing changes. */
  advance(origin: string, sequence: number): boolean {
    const have = this.get(origin);
    if (sequence > have + 1) return false;
    if (sequence === have + 1) this.#sequences.set(origin, sequence);
    return true;
  }

  /** Every entry that `other` counts is counted here too. */
  covers(other: VersionVector): boolean {
    for (const [origin, sequence] of other.#sequences) {
      if (this.get(origin) < sequence) return false;
    }
    return true;
  }

  /** Raises each origin to the greater of both. */
  join(other: VersionVector): void {
    for (const [origin, sequence] of other.#sequences) {
      if (this.get(origin) < sequence) this.#sequences.set(origin, sequence);
    }
  }

  toRecord(): Versions {
    return Object.fromEntries(this.#sequences);
  }
}
