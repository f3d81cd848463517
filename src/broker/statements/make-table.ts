/** A small answer: named columns and rows of plain values. */

import type { Cell, SeriesPiece } from '../../query/result.ts';

export function makeTable(
  name: string,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): SeriesPiece {
  return {
    name,
    tags: undefined,
    columns,
    rowCount: rows.length,
    times: undefined,
    values: columns.map((_, i) => ({ type: 'cells', cells: rows.map((row) => row[i] ?? null) })),
    zone: undefined,
  };
}
