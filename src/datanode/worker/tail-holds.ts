/**
 * What the tails still need of the logs of one worker, and news of new entries for them.
 *
 * A shard without a position of a tail is needed from the beginning of the log on: that the tail does not
 * need it must be known, not assumed.
 */

import type { Timers } from '../../env/env.ts';
import type { EntryVersions, TailPosition, TailRule } from '../../model/log-tail.ts';
import type { EntryIndex } from '../log/entry-index.ts';

/** News of one time leave together. */
const newsDelayMs = 5;

export interface TailsAtStart {
  readonly rules: readonly TailRule[];
  readonly positions: readonly TailPosition[];
  /** What one log keeps for tails beyond what stores and peers need. */
  readonly logBytesMax: number;
}

export interface TailHoldsOptions {
  readonly timers: Pick<Timers, 'after'>;
  readonly atStart: TailsAtStart | undefined;
  /** These shards have entries that no news told of. */
  readonly tell: (shards: readonly number[]) => void;
}

export class TailHolds {
  readonly #options: TailHoldsOptions;
  /** Tail -> shard -> what it does not need. */
  #positions = new Map<string, Map<number, EntryVersions>>();
  readonly #news = new Set<number>();
  /** Room must be made: nothing is kept for tails. */
  isSuspended = false;

  constructor(options: TailHoldsOptions) {
    this.#options = options;
    const { rules, positions } = options.atStart ?? { rules: [], positions: [] };
    this.setRules(rules);
    this.move(positions);
  }

  /** Of one log. */
  get logBytesMax(): number {
    return this.isSuspended ? 0 : (this.#options.atStart?.logBytesMax ?? 0);
  }

  setRules(rules: readonly TailRule[]): void {
    this.#positions = new Map(rules.map(({ id }) => [id, this.#positions.get(id) ?? new Map()]));
  }

  /** Positions of tails that are not known are nobody's. */
  move(positions: readonly TailPosition[]): void {
    for (const { tail, shard, versions } of positions) {
      this.#positions.get(tail)?.set(shard, versions);
    }
  }

  /** The oldest segment that a tail needs of a shard; Infinity = none. */
  neededFrom(shard: number, index: EntryIndex): number {
    let segment = Number.POSITIVE_INFINITY;
    for (const positions of this.#positions.values()) {
      segment = Math.min(segment, index.neededFrom(positions.get(shard) ?? {}));
    }
    return segment;
  }

  /** The shard has new entries. */
  noteEntries(shard: number): void {
    if (this.#positions.size === 0 || this.#news.has(shard)) return;
    this.#news.add(shard);
    if (this.#news.size > 1) return;
    this.#options.timers.after(newsDelayMs, () => {
      const shards = [...this.#news];
      this.#news.clear();
      this.#options.tell(shards);
    });
  }
}
