/**
 * Backups of a store: sections, each a snapshot stream of its own, which together hold everything. tstore and kstore
 * implement it; a section is merged into another store as any snapshot is.
 *
 * Take the section of memory first, then list the others: what leaves memory meanwhile is seen twice, which merges to
 * the same, and nothing is missed. A section with a key has the same content as long as the key is the same.
 */

import type { StoreKind } from './cluster.ts';
import type { SnapshotMerge } from './store-snapshot.ts';

export interface BackupSection {
  readonly name: string;
  /** '' = it is another one at every look. */
  readonly key: string;
  /** On disk or in memory, roughly. */
  readonly bytes: number;
}

/** A database under the ids of the cluster it comes from, and of the one it goes to. */
export interface RestoredDatabase {
  readonly from: string;
  readonly to: string;
  readonly policies: readonly { readonly from: string; readonly to: string }[];
}

export interface BackupStore {
  readonly sections: readonly BackupSection[];
  /** Errors, thrown by the iteration: `not-found` when it is gone (list again), `corrupt`, `cancelled`. */
  section(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array>;
  /**
   * Takes one section. Of databases only those that are named come in, under their new ids, which nothing may have used
   * before: what is merged has stamps that this cluster never gave.
   */
  openRestore(databases: readonly RestoredDatabase[]): Promise<SnapshotMerge>;
}

/** Backups of the shards of one node, by kind and shard. */
export interface ShardBackups {
  /** Errors: `redirect` when no whole copy of the shard is here. */
  sections(kind: StoreKind, shard: number): Promise<readonly BackupSection[]>;
  /** Pieces; errors as of BackupStore. */
  section(
    kind: StoreKind,
    shard: number,
    name: string,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  /** `session` is the caller's name for it. Errors: `unavailable`, `overloaded`. */
  openRestore(
    kind: StoreKind,
    shard: number,
    session: string,
    databases: readonly RestoredDatabase[],
  ): Promise<void>;
  /** The next piece. Errors: `not-found`; `corrupt`: the session is over then. */
  addPiece(kind: StoreKind, shard: number, session: string, piece: Uint8Array): Promise<void>;
  /** Everything is durable when it resolves. Errors: `corrupt` when pieces are missing. */
  finishRestore(kind: StoreKind, shard: number, session: string): Promise<void>;
}
