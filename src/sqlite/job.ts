/**
 * What the SQLite writer is asked to do: plain messages, so that they can cross threads. Byte buffers in
 * them are handed over, not copied. Paths are relative to the data directory.
 */

/**
 * One parameter of a prepared statement for every row of a batch. Numbers must be whole and within
 * 2^53 where the column is INTEGER; blobs lie end to end in `bytes`, blob i ends at `ends[i]`.
 */
export type ParameterColumn =
  | { readonly kind: 'number'; readonly values: Float64Array }
  | { readonly kind: 'bigint'; readonly values: BigInt64Array }
  | { readonly kind: 'text'; readonly values: readonly string[] }
  | { readonly kind: 'blob'; readonly bytes: Uint8Array; readonly ends: Float64Array };

/** Runs one prepared statement once for every row. */
export interface StatementBatch {
  readonly sql: string;
  /** The same for so many rows at once, their parameters one row after the other: spares crossings into SQLite. */
  readonly wide?: { readonly sql: string; readonly rows: number } | undefined;
  readonly rowCount: number;
  /** In the order of the statement's `?`. */
  readonly parameters: readonly ParameterColumn[];
}

/** Identity of a kind of file, put into the header of SQLite when the file is made. */
export interface FileSchema {
  readonly applicationId: number;
  readonly formatVersion: number;
  readonly pageSize: number;
  /** CREATE statements, run when the file is new. */
  readonly create: readonly string[];
}

/** One transaction, durable when the promise resolves. */
export interface WriteJob {
  readonly kind: 'write';
  readonly file: string;
  readonly schema: FileSchema;
  readonly batches: readonly StatementBatch[];
  /** Moves the log of SQLite into the file afterwards, synced, and empties it. */
  readonly checkpoint: boolean;
}

/** Renames a database file with its companions; every reader of it must have been closed. */
export interface MoveJob {
  readonly kind: 'move';
  readonly from: string;
  readonly to: string;
}

/** Removes a file or folder, whatever is in it. Missing is fine. */
export interface RemoveJob {
  readonly kind: 'remove';
  readonly path: string;
}

export type SqliteJob = WriteJob | MoveJob | RemoveJob;
