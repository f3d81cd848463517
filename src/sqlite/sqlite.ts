/**
 * The one home of SQLite. Many threads read through their own read-only handles; everything that
 * changes a file goes as a job to one writer per data directory.
 */

import type { SqliteJob } from './job.ts';

/**
 * Runs jobs one after the other, in the order given by one caller. A job that fails leaves nothing behind.
 * Errors: `disk-full`; `corrupt` (with the file); `cancelled` after close; else `unavailable`.
 */
export interface SqliteWriter {
  run(job: SqliteJob): Promise<void>;
  /** Waits for jobs under way; drops the rest. */
  close(): Promise<void>;
}

/** A value as SQLite gives it: whole numbers as number where asked so, blobs as bytes. */
export type SqlValue = number | bigint | string | Uint8Array | null;

/** A read-only handle. Statements are prepared once per handle and kept. */
export interface SqliteReader {
  readonly file: string;
  /** `application_id` and `user_version` of the file. */
  readonly applicationId: number;
  readonly formatVersion: number;
  /** All rows of a bounded question, integers as number (must be below 2^53), or as bigint when asked. */
  all(sql: string, parameters: readonly SqlValue[], bigints?: boolean): readonly SqlValue[][];
  /** First row; undefined = none. */
  get(
    sql: string,
    parameters: readonly SqlValue[],
    bigints?: boolean,
  ): readonly SqlValue[] | undefined;
  /**
   * Whether none of these tables has a row, or none is there at all: the process ended between making the
   * file and its first transaction. Damage can look the same, so the caller must know that nothing is missed.
   */
  isUnfilled(tables: readonly string[]): boolean;
  /** SQLite's own look at the whole structure; empty = fine. Slow. */
  integrityFaults(): readonly string[];
}

/**
 * Read-only handles, opened when needed and closed when too many are open. A handle must not be kept
 * over an await: ask again. Errors: `not-found`, `corrupt` (with the file), `unavailable`.
 */
export interface SqliteReaders {
  reader(file: string): SqliteReader;
  /** Bytes on disk, the log of SQLite included; 0 = not there. */
  size(file: string): number;
  /** Closes the handle of a file that is about to be moved or removed. */
  forget(file: string): void;
  close(): void;
}
