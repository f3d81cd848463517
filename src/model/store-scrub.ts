/** How a store reads and checks what it has on disk beside everything else. tstore and kstore implement it. */

export interface ScrubOptions {
  /** Called after every stretch that was read, with its bytes; resolves when the next may be read. Throws to end the scrub. */
  readonly spend: (bytes: number) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface ScrubStore {
  /**
   * Reads and checks every row, from the disk and not from a cache, while flushes and compactions go on; resolves with what
   * it found, also added to the faults of the status. A file with damage is written no more. Errors: `cancelled`.
   */
  scrub(options: ScrubOptions): Promise<readonly string[]>;
  /** Files were set aside as damaged: a snapshot that covers what they held, merged, takes their place. */
  readonly hasDamagedFiles: boolean;
}
