/**
 * Snapshots and digests of a store: how a replica that lacks trimmed entries is filled, and how replicas
 * are compared. tstore and kstore implement it beside StoreEngine; the data node carries the bytes.
 *
 * A snapshot is merged, never put in place of what is there: cells merge by stamp, as entries do. It may
 * hold more than its versions say, never less.
 */

import type { Hlc } from './entry.ts';

/** origin -> sequence. */
type Versions = Readonly<Record<string, number>>;

export interface SnapshotFacts {
  /** Everything these count is in the snapshot. Taken when the view is pinned, or before. */
  readonly versions: Versions;
  /** What was garbage-collected: whoever does not cover it must be rebuilt. */
  readonly gcVersions: Versions;
  readonly hlcMax: Hlc;
}

/**
 * Takes the pieces in order. Nothing of it shows before `finish`, or all that shows is harmless (merging is
 * idempotent and only adds); after `abandon` or a crash the next snapshot starts anew.
 */
export interface SnapshotMerge {
  /** @throws CitadelError `corrupt` (a checksum), `unsupported-version`, `disk-full` */
  add(piece: Uint8Array): Promise<void>;
  /** Everything is durable, `versions` joined into the positions included. @throws `corrupt` when pieces are missing */
  finish(): Promise<SnapshotFacts>;
  abandon(): Promise<void>;
}

/** Order-independent sums over live cells and tombstones with stamps at or below a horizon. */
export interface DigestPart {
  /** A partition of the store: `<dbId>/<rpId>/<start ns>` or `<table>`; with a bucket number of the series or key hash. */
  readonly name: string;
  /** 32 hex digits. */
  readonly digest: string;
  readonly cells: number;
}

export interface SnapshotStore {
  /**
   * Pins a view now, at the call, and streams it: tombstones first, then data by series or key, pieces of at most
   * 1 MiB with magic, version and checksum each. Writes, flushes and compactions go on; no tombstone that the view has goes meanwhile.
   */
  snapshot(facts: SnapshotFacts, signal: AbortSignal): AsyncGenerator<Uint8Array>;
  openMerge(): Promise<SnapshotMerge>;
  /** Equal on replicas that hold the same cells, whatever their files look like. `horizon` = Infinity: all. */
  digest(horizon: Hlc, signal: AbortSignal): Promise<readonly DigestPart[]>;
}
