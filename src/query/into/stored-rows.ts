/**
 * Which rows of a result can be stored, and with which fields: nulls and NaN are left out, a row with an
 * infinite float or without any value is left out whole, as in InfluxDB.
 */

import type { Column } from '../../model/column.ts';
import type { StoredRows } from '../ports.ts';
import type { ResultColumn, SeriesPiece } from '../result.ts';

export interface TargetColumns {
  /** Per column of a piece but the time. */
  readonly names: readonly string[];
  /** Keys of the tags that follow them. */
  readonly rowTags: readonly string[];
}

type NamedColumn = StoredRows['fields'][number];

const rowEmpty = 0;
const rowFilled = 1;
const rowRefused = 2;

function columnOf(column: ResultColumn | undefined): Column | undefined {
  return column === undefined || column.type === 'cells' ? undefined : column;
}

/** Marks what the column means for its rows, and takes out its NaNs. */
function markFloats(column: Column & { type: 'float' }, state: Uint8Array): Column {
  const { values, valid } = column;
  let cleared: Uint8Array | undefined;
  for (let row = 0; row < state.length; row++) {
    if (valid !== undefined && valid[row] === 0) continue;
    const value = values[row]!;
    if (Number.isNaN(value)) {
      cleared ??= valid?.slice() ?? new Uint8Array(state.length).fill(1);
      cleared[row] = 0;
    } else if (!Number.isFinite(value)) state[row] = rowRefused;
    else if (state[row] === rowEmpty) state[row] = rowFilled;
  }
  return cleared === undefined ? column : { ...column, valid: cleared };
}

function markRows(column: Column, state: Uint8Array): Column {
  if (column.type === 'float') return markFloats(column, state);
  const { valid } = column;
  for (let row = 0; row < state.length; row++) {
    if (state[row] === rowEmpty && (valid === undefined || valid[row] === 1)) {
      state[row] = rowFilled;
    }
  }
  return column;
}

function pickRows(state: Uint8Array): Uint32Array {
  const rows = new Uint32Array(state.length);
  let count = 0;
  for (let row = 0; row < state.length; row++) if (state[row] === rowFilled) rows[count++] = row;
  return rows.subarray(0, count);
}

/** Of columns with one name the last counts. */
function namedColumns(piece: SeriesPiece, names: readonly string[]): Map<string, Column> {
  const columns = new Map<string, Column>();
  names.forEach((name, index) => {
    const column = columnOf(piece.values[index]);
    columns.delete(name);
    if (column !== undefined) columns.set(name, column);
  });
  return columns;
}

export function storedRows(
  piece: SeriesPiece,
  measurement: string,
  { names, rowTags }: TargetColumns,
): StoredRows {
  const state = new Uint8Array(piece.rowCount);
  const fields: NamedColumn[] = [];
  for (const [name, column] of namedColumns(piece, names)) {
    fields.push({ name, column: markRows(column, state) });
  }
  return {
    measurement,
    tags: (piece.tags ?? []).filter(([, value]) => value !== ''),
    rowTags: rowTags.map((key, index) => ({
      key,
      column: columnOf(piece.values[names.length + index]),
    })),
    times: piece.times ?? new BigInt64Array(piece.rowCount),
    fields,
    rows: pickRows(state),
  };
}
