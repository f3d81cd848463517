/**
 * What a shard replica needs from the store under it. tstore and kstore implement it; the data node
 * drives it. One conformance suite (test/contract/store-engine) holds both to it.
 *
 * Rules: `apply` is synchronous, in memory, and cannot fail for an entry that was accepted; it is
 * idempotent by stamp. `flush` makes everything applied before the call durable in SQLite and only then
 * resolves. One caller at a time; `apply` and reads go on while a flush or compaction is under way.
 */

import type { Entry, Hlc } from './entry.ts';

/** What the store has durably: replay skips entries at or below `replayFrom`. */
export interface StorePositions {
  /** Every lsn up to here is in the store's files. */
  readonly replayFrom: number;
  /** Version vector saved with it: origin -> sequence. */
  readonly versions: Readonly<Record<string, number>>;
  readonly hlcMax: Hlc;
  /** What was collected as garbage: a replica that lacks some of it must be rebuilt, not merged with. */
  readonly gcVersions: Readonly<Record<string, number>>;
}

export interface FlushOptions {
  /** Version vector of the replica at the call: origin -> sequence applied. */
  readonly versions: Readonly<Record<string, number>>;
  readonly hlcMax: Hlc;
  /** Stable horizon F: nothing with a stamp at or below it can still arrive. */
  readonly stableHlc: Hlc;
  /** Ends the flush between two files with `cancelled`; what is not durable then stays in memory. */
  readonly signal?: AbortSignal | undefined;
}

export interface StoreEngine {
  readonly positions: StorePositions;
  apply(entry: Entry): void;
  /**
   * Called when all that the log still had was applied. The lsn that new entries must be above: a flush that was cut short
   * leaves files that count entries which `replayFrom` does not, and of which the log may have lost the last to damage.
   * With one of these lsns a new entry would be taken for one that such a file has already.
   */
  endReplay(): number;
  /** Bytes of memtables not yet durable. */
  readonly memoryBytes: number;
  flush(options: FlushOptions): Promise<StorePositions>;
  /**
   * One bounded step of background work; false when there is nothing to do. `stableVersions`: what all replicas
   * had when `stableHlc` was agreed on; joined to `gcVersions` in the transaction that removes tombstones.
   */
  compactStep(
    stableHlc: Hlc,
    signal: AbortSignal,
    stableVersions?: Readonly<Record<string, number>>,
  ): Promise<boolean>;
  /** Lets go of all files. Does not flush. */
  close(): Promise<void>;
}
