/**
 * Tails of the commit log: who follows what is written to a retention policy, how far each has come, and
 * what it asks of the data node. Plain data (structured-clone able).
 */

/** origin -> n: all of that origin's entries 1..n; absent = none. */
export type EntryVersions = Readonly<Record<string, number>>;

/** What a tail follows. */
export interface TailRule {
  readonly id: string;
  /** 16 hex digits each. */
  readonly dbId: string;
  readonly rpId: string;
  /** Entries that were in the log when it began and are stamped before it are none of its; wall clock, ms since the Unix epoch. */
  readonly sinceMs: number;
}

/** The tail needs nothing of the shard that these count: the log need not keep it for the tail. */
export interface TailPosition {
  readonly tail: string;
  readonly shard: number;
  readonly versions: EntryVersions;
}

export interface TailShard {
  readonly shard: number;
  /** Where to go on; undefined = at the tail's first entry. */
  readonly after: EntryVersions | undefined;
  /** Entries stamped before it are left out; wall clock, ms since the Unix epoch, 0 = none are. */
  readonly sinceMs: number;
}

export interface TailQuestion extends Pick<TailRule, 'dbId' | 'rpId'> {
  readonly shards: readonly TailShard[];
  /** Of the frames to read, other databases' included; one entry is always read. */
  readonly sizeMax: number;
}

/** What was read of one shard. */
export interface TailPart {
  readonly shard: number;
  /** Frames of points, in order per origin. Verified. */
  readonly frames: readonly Uint8Array[];
  /** Where reading began: `after`, or the tail's first entry, raised over what is not in the log any more. */
  readonly start: EntryVersions;
  /** `start` with all that was read. */
  readonly through: EntryVersions;
  /** Entries between `after` and `start`, of whatever database: lost to the tail. */
  readonly missed: number;
  /** Entries between `start` and `through` that could not be read. */
  readonly damaged: number;
  /** Nothing is behind `through`; news will tell of what comes. */
  readonly isAtEnd: boolean;
  /** What is behind `through`, other databases' included. */
  readonly lagEntries: number;
  readonly lagBytes: number;
}

/** Parts of the shards that were reached, in the order of the question; the rest is asked for again. */
export interface TailAnswer {
  readonly parts: readonly TailPart[];
  /** Shards of the question that this node does not have. */
  readonly absent: readonly number[];
}

/** The tails of this node's logs. */
export interface LogTails {
  /** Replaces the set of tails: the logs keep what they lack, up to a bound. */
  setTails(rules: readonly TailRule[]): void;
  /** Durable positions, those that changed. */
  moveTails(positions: readonly TailPosition[]): void;
  /** @throws CitadelError `unavailable`, `cancelled` */
  readTail(question: TailQuestion, signal: AbortSignal): Promise<TailAnswer>;
  /** Told, soon after, of shards that have new entries; returns how to stop. Must not throw. */
  onEntries(listener: (shards: readonly number[]) => void): () => void;
}
