/**
 * Chunk: up to `chunkRowsMax` rows of one series with all their fields, immutable, in one byte string.
 *
 * Layout: docs/formats/chunk.md. A chunk knows neither its series nor its partition: offsets count
 * from the start of the partition, fields are numbers that its file gives a meaning.
 */

import type { Column } from '../../model/column.ts';
import type { Hlc } from '../../model/entry.ts';
import type { FieldType } from '../../model/field-type.ts';
import type { ColumnSummary } from '../../scan/column-summary.ts';

export const chunkRowsMax = 4096;

/** Origin index of a stamp that orders after every origin (a row that once was without a stamp). */
export const originAfterAll = 0xffffffff;

/**
 * Stamps of consecutive rows, run by run. Run i covers rows [ends[i - 1] or 0, ends[i]); the last end
 * is the row count. hlcs[i] = 0: no stamp, the chunk's `stableHlc` (after every origin) stands in.
 * origins[i] indexes the chunk's origin table. Rows of a column without a value may say anything;
 * the encoder lets them join a neighbouring run.
 */
export interface StampRuns {
  readonly ends: Uint32Array;
  readonly hlcs: Float64Array;
  readonly origins: Uint32Array;
}

export interface ChunkInputColumn {
  /** The file's number for (field name, type); u32. */
  readonly field: number;
  readonly column: Column;
  /** Undefined = no cell has a stamp. Equal runs in several columns are stored once. */
  readonly stamps: StampRuns | undefined;
}

export interface ChunkInput {
  /** ns since the start of the partition: whole, in [0, 2^53), strictly ascending; 1 to chunkRowsMax rows. */
  readonly offsets: Float64Array;
  readonly stableHlc: Hlc;
  /** Ascending by field, each with at least one value. */
  readonly columns: readonly ChunkInputColumn[];
  /** Origin table, 16 hex digits each; empty when nothing has a stamp. */
  readonly origins: readonly string[];
}

export interface ChunkColumn {
  readonly field: number;
  readonly type: FieldType;
  /** Codec id, tstore/codec/codec.ts. */
  readonly codec: number;
  /** Rows with a value. */
  readonly validCount: number;
  /** Undefined for strings and for columns too short to pay for one: then decode. */
  readonly summary: ColumnSummary | undefined;
}

/** An opened chunk: checked as a whole, nothing decoded yet. Holds on to the given bytes. */
export interface ChunkView {
  readonly rowCount: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly stableHlc: Hlc;
  readonly origins: readonly string[];
  /** Ascending by field. */
  readonly columns: readonly ChunkColumn[];
}

export function encodeChunk(input: ChunkInput): Uint8Array {
  throw new Error(`not there yet: ${input.offsets.length}`);
}

/** Throws `corrupt` for any damage, `unsupported-version` for a version, flag or codec not known here. */
export function openChunk(bytes: Uint8Array): ChunkView {
  throw new Error(`not there yet: ${bytes.length}`);
}

/** ns since the start of the partition. The caller owns the array. */
export function decodeTimes(view: ChunkView): Float64Array {
  throw new Error(`not there yet: ${view.rowCount}`);
}

/** Column `index` of `view.columns`. The caller owns the arrays. */
export function decodeColumn(view: ChunkView, index: number): Column {
  throw new Error(`not there yet: ${view.rowCount} ${index}`);
}

/** Stamps of the cells of column `index`; undefined = none has one. */
export function decodeStamps(view: ChunkView, index: number): StampRuns | undefined {
  throw new Error(`not there yet: ${view.rowCount} ${index}`);
}

/** Bytes a column takes, for statistics. */
export function columnSize(view: ChunkView, index: number): number {
  throw new Error(`not there yet: ${view.rowCount} ${index}`);
}
