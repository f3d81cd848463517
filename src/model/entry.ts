/**
 * A log entry: one accepted frame with what replication needs from the first day
 * (replication: origin, sequence, stamp, epoch, write id). Entries are applied, never changed.
 */

/** Hybrid logical clock: (ms since 2020-01-01) * 2048 + counter; below 2^53 until 2159. */
export type Hlc = number;

export interface Entry {
  readonly shard: number;
  /** 8 random bytes as 16 hex digits, made at every open of a shard replica. */
  readonly origin: string;
  /** 1, 2, 3 ... dense per (shard, origin). */
  readonly sequence: number;
  /** With `origin` the stamp: orders all operations on a cell. */
  readonly hlc: Hlc;
  readonly epoch: number;
  /** 16 bytes, constant over all retries of a request part. */
  readonly writeId: Uint8Array;
  /** Dense per replica id, over all openings. */
  readonly lsn: number;
  /** A WriteFrame (frame-layout.ts), 8-aligned in its ArrayBuffer. */
  readonly frame: Uint8Array;
}
