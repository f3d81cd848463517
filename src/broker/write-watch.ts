/**
 * Who must know which rows are on their way to the store: told of every slice of a write before its frames
 * leave, and of their fate before the write is answered.
 */

/** Valid during the call. */
export interface WatchedRows {
  readonly database: string;
  readonly policy: string;
  readonly measurements: readonly string[];
  readonly series: readonly { readonly measurement: number }[];
  readonly rowCount: number;
  /** Per row: index into `series`. */
  readonly rowSeries: Uint32Array;
  /** Per row: ns since the Unix epoch. */
  readonly rowTimes: BigInt64Array;
}

export interface WritePass {
  /**
   * Resolves when the frames may leave.
   *
   * @throws CitadelError `unavailable`: nothing may be sent
   */
  readonly ready: Promise<void> | undefined;
  /** `isKnown`: for each row it is certain whether it is stored. Resolves when the write may be answered. */
  settle(isKnown: boolean): Promise<void>;
}

export interface WriteWatch {
  /** Undefined = nobody cares for these rows. */
  enter(rows: WatchedRows): WritePass | undefined;
}
