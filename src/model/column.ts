/**
 * Columns: the unit that moves from disk to response. Typed arrays, never an object per point.
 *
 * `valid`, where present, has one byte a row, 1 = the row has a value; absent means every row has one.
 * Integers are Float64Array when every value of the column is a safe integer (|v| <= 2^53 - 1),
 * else BigInt64Array; unsigned likewise with BigUint64Array. The holder chooses once per column.
 */

export interface FloatColumn {
  readonly type: 'float';
  readonly values: Float64Array;
  readonly valid: Uint8Array | undefined;
}
export interface IntegerColumn {
  readonly type: 'integer';
  readonly values: Float64Array | BigInt64Array;
  readonly valid: Uint8Array | undefined;
}
export interface UnsignedColumn {
  readonly type: 'unsigned';
  readonly values: Float64Array | BigUint64Array;
  readonly valid: Uint8Array | undefined;
}
export interface BooleanColumn {
  readonly type: 'boolean';
  /** 0 or 1. */
  readonly values: Uint8Array;
  readonly valid: Uint8Array | undefined;
}
export interface StringColumn {
  readonly type: 'string';
  /** Rows index the dictionary. A tag column is one too. */
  readonly codes: Uint32Array;
  readonly dictionary: readonly string[];
  readonly valid: Uint8Array | undefined;
}

export type Column = FloatColumn | IntegerColumn | UnsignedColumn | BooleanColumn | StringColumn;

/**
 * Rows of one series inside one time partition, times strictly ascending, every cell resolved
 * (last write wins, tombstones applied). `columns[i]` belongs to the i-th field asked for;
 * undefined = this series has no such field here.
 */
export interface ColumnBatch {
  readonly rowCount: number;
  /** ns since the Unix epoch. */
  readonly base: bigint;
  /** ns since `base`; whole numbers below 2^53. */
  readonly offsets: Float64Array;
  readonly columns: readonly (Column | undefined)[];
}
