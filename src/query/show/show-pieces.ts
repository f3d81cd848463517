/** Small answers as series pieces. */

import type { Cell, SeriesPiece } from '../result.ts';

/** A series without times from its columns; undefined when it has no rows. */
export function cellPiece(
  name: string,
  columns: readonly string[],
  values: readonly (readonly Cell[])[],
): SeriesPiece {
  return {
    name,
    tags: undefined,
    columns,
    rowCount: values[0]?.length ?? 0,
    times: undefined,
    values: values.map((cells) => ({ type: 'cells', cells })),
    zone: undefined,
  };
}

/** The same, never cut by chunking. */
export function wholePiece(
  name: string,
  columns: readonly string[],
  values: readonly (readonly Cell[])[],
): SeriesPiece {
  return { ...cellPiece(name, columns, values), isWhole: true };
}

/** LIMIT and OFFSET; a limit of 0 = none. */
export function pageOf<Item>(items: readonly Item[], limit: number, offset: number): Item[] {
  return items.slice(offset, limit > 0 ? offset + limit : undefined);
}
