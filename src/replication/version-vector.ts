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

  /** Of all origins: of two vectors where one covers the other, the greater sum is the farther. */
  get sum(): number {
    let sum = 0;
    for (const sequence of this.#sequences.values()) sum += sequence;
    return sum;
  }

  entries(): IterableIterator<[string, number]> {
    return this.#sequences.entries();
  }

  /** Counts an applied entry. False when one before it is missing: then nothing changes. */
  advance(origin: string, sequence: number): boolean {
    const have = this.get(origin);
    if (sequence > have + 1) return false;
    if (sequence === have + 1) this.#sequences.set(origin, sequence);
    return true;
  }

  raise(origin: string, sequence: number): void {
    if (this.get(origin) < sequence) this.#sequences.set(origin, sequence);
  }

  /** Every entry that `other` counts is counted here too. */
  covers(other: VersionVector): boolean {
    for (const [origin, sequence] of other.#sequences) {
      if (this.get(origin) < sequence) return false;
    }
    return true;
  }

  coversAll(versions: Versions): boolean {
    for (const origin in versions) {
      if (this.get(origin) < (versions[origin] ?? 0)) return false;
    }
    return true;
  }

  /** How many entries `versions` counts that are not counted here. */
  lacks(versions: Versions): number {
    let count = 0;
    for (const origin in versions) {
      count += Math.max(0, (versions[origin] ?? 0) - this.get(origin));
    }
    return count;
  }

  /** Raises each origin to the greater of both. */
  join(other: VersionVector): void {
    for (const [origin, sequence] of other.#sequences) this.raise(origin, sequence);
  }

  joinAll(versions: Versions): void {
    for (const origin in versions) this.raise(origin, versions[origin] ?? 0);
  }

  clear(): void {
    this.#sequences.clear();
  }

  toRecord(): Versions {
    return Object.fromEntries(this.#sequences);
  }
}
