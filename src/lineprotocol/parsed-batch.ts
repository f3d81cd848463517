/**
 * What the parser hands on: rows and cells in flat typed arrays, no object per point.
 *
 * Valid until the parser's next `parse`: the arrays are the parser's own and grow by doubling.
 * Row r has cells [cellStart[r], cellStart[r + 1]); cell c belongs to field key `cellField[c]`,
 * which fixes measurement, name and type; its value is 8 bytes in `cellValue`:
 * float as f64 (`cellFloats`), integer and unsigned as little-endian 64 bits (`cellWords[2c]` low, `[2c+1]` high),
 * boolean as word 0/1, string as (offset, size) into `text`.
 */

import type { FieldType } from '../model/field-type.ts';

/** One (measurement, field name, type) seen in the batch; a field with two types has two. */
export interface ParsedField {
  /** Index into `measurements`. */
  readonly measurement: number;
  readonly name: string;
  readonly type: FieldType;
  /** Bytes of the unescaped name. */
  readonly nameBytes: Uint8Array;
  /** First row that used it (for "first line fixes the type"). */
  readonly firstRow: number;
}

export interface ParsedSeries {
  readonly measurement: number;
  /** Canonical key (model/series-key.ts). */
  readonly key: Uint8Array;
  /** XXH32 seed 0 of the key with the database (model/shard-hash.ts). */
  readonly shardHash: number;
}

/** A line that was not taken: InfluxDB's text after `unable to parse '<line>': `. */
export interface LineError {
  /** From 1. */
  readonly lineNumber: number;
  /** The line as InfluxDB echoes it. */
  readonly line: Uint8Array;
  readonly reason: string;
}

/** A line that parsed but is refused (partial write), e.g. a tag named time. */
export interface DroppedRow {
  readonly lineNumber: number;
  readonly reason: string;
}

export interface ParsedBatch {
  readonly measurements: readonly string[];
  readonly series: readonly ParsedSeries[];
  readonly fields: readonly ParsedField[];
  readonly rowCount: number;
  /** Per row: index into `series`. */
  readonly rowSeries: Uint32Array;
  /** Per row: ns since the Unix epoch. */
  readonly rowTimes: BigInt64Array;
  readonly cellStart: Uint32Array;
  readonly cellField: Uint32Array;
  readonly cellFloats: Float64Array;
  /** The same bytes as `cellFloats`. */
  readonly cellWords: Uint32Array;
  /** Bytes of string values, unescaped. */
  readonly text: Uint8Array;
  readonly errors: readonly LineError[];
  readonly dropped: readonly DroppedRow[];
}
