/**
 * The rule for rows without stamps and the positions of flushes (docs/formats/tstore.md), as switches: production
 * has all of them on; a test of the rule turns one off at a time and must then see what it is for.
 */

export interface StampRule {
  /** A row without a stamp counts as (`stableHlc`, after every origin), not as older than all. */
  readonly value: boolean;
  /** Stamps stay where another chunk of the series overlaps that takes no part. */
  readonly overlap: boolean;
  /** The horizon is lowered below the least stamp of the series in memtables that take no part. */
  readonly memtable: boolean;
  /** No stamp goes while the horizon is below the `stableHlc` of a chunk that takes part, as one from another store may have. */
  readonly foreign: boolean;
  /** Tombstones are applied to rows before their stamps may go. */
  readonly tombstonesApplied: boolean;
  /** A tombstone goes only when nothing that it covers is left. */
  readonly tombstonesKept: boolean;
  /** Of an entry that is replayed, a file that was flushed with it takes and shows no row again. */
  readonly positions: boolean;
}

export const fullStampRule: StampRule = {
  value: true,
  overlap: true,
  memtable: true,
  foreign: true,
  tombstonesApplied: true,
  tombstonesKept: true,
  positions: true,
};
