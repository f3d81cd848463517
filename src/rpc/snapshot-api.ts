/**
 * Snapshots between nodes: a stream of pieces of bytes from the node that has a shard to the one that
 * lacks it. rpc carries them (over HTTP/1.1) and does not look inside.
 *
 * Pieces arrive as they were given: same bounds, same order, none left out. A stream that breaks fails, it
 * never just ends; the caller begins anew. The consumer's pace holds the producer back.
 */

import type { StoreKind } from '../model/cluster.ts';

/**
 * Opens a snapshot; nothing happens before the first pull. Leaving the iterable or the signal ends the work.
 * Pieces are at most 1 MiB and a little; one may be a part of a larger buffer.
 *
 * Errors, thrown by the iteration: `redirect` (the shard is not here, or has no complete data), `overloaded` (too
 * many at once; retry later), `cancelled`, `corrupt`, `unavailable`.
 */
export type OpenSnapshot = (
  kind: StoreKind,
  shard: number,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;

export interface SnapshotTransport {
  /** What answers peers that fetch from this node. Called once for a node's life; before that they get `unavailable`. */
  serveSnapshots(open: OpenSnapshot): void;
  /**
   * From a node by uuid. Errors are those of its `OpenSnapshot`, and `unavailable` when it cannot be reached
   * or the stream breaks, `timeout` when nothing comes for a while.
   */
  fetchSnapshot(
    node: string,
    kind: StoreKind,
    shard: number,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
}
