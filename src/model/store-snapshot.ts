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
  /** @throws CitadelError `corrupt` (a checksum), `unsupported-version`, `disk-full`, `conflict` (another shard; must be rebuilt); the merge is over then */
  add(piece: Uint8Array): Promise<void>;
  /**
   * Everything is durable, `versions` and `gcVersions` joined into the positions included. Damaged files go
   * to the trash if `versions` cover those of the store's positions when the merge was opened. @throws `corrupt` when pieces are missing
   */
  finish(): Promise<SnapshotFacts>;
  abandon(): Promise<void>;
}

/** Order-independent sums over live cells with stamps at or below a horizon. */
export interface DigestPart {
  /** `<dbId>/<rpId>/<start of a week, ns>` or `<table>`, then `/` and the bucket of the series or key by its hash. */
  readonly name: string;
  /** 32 hex digits. */
  readonly digest: string;
  readonly cells: number;
}

export interface SnapshotStore {
  /**
   * Pins what is in memory now, at the call, and streams the store: tombstones first, then data by series or key,
   * pieces of at most 1 MiB with magic, version and checksum each. Writes, flushes and compactions go on; no
   * tombstone goes until the stream ends, is returned, or `signal` fires: an unread stream holds them. Read
   * `positions.gcVersions` and decide between snapshot and rebuild in the turn of the call. @throws `corrupt`, `cancelled`
   */
  snapshot(facts: SnapshotFacts, signal: AbortSignal): AsyncGenerator<Uint8Array>;
  /**
   * Call it before the snapshot is asked for: from here on no tombstone of this store goes. `versions`: the
   * replica's vector now. A store that lacks what the sender collected as garbage must be empty, and take no entry
   * before `finish`: else `add` says `conflict`.
   */
  openMerge(versions: Versions): Promise<SnapshotMerge>;
  /**
   * Equal on replicas that hold the same cells, whatever their files look like. `horizon` = Infinity: all. With
   * another one cells with greater stamps are left out; where such a one took an older's place, the older is
   * missing too, so differences count only when they stay. @throws `corrupt`, `cancelled`
   */
  digest(horizon: Hlc, signal: AbortSignal): Promise<readonly DigestPart[]>;
}
