/** Pieces of series as a query answers them, by column and by row. */

import type { ApiColumn, MixedCell } from '../src/rpc/api/column-messages.ts';
import type { SeriesBlock } from '../src/rpc/api/query-answer-messages.ts';

export type Cell = MixedCell;

function cellOf(column: ApiColumn | undefined, row: number): Cell {
  if (column === undefined) return null;
  if (column.type === 'cells') return column.cells[row] ?? null;
  if (column.valid?.[row] === 0) return null;
  if (column.type === 'string') return column.dictionary[column.codes[row]!] ?? null;
  return column.type === 'boolean' ? column.values[row] === 1 : column.values[row]!;
}

/** Rows of one series. Pieces that follow each other with equal name and tags belong to one series. */
export class SeriesPiece {
  /** Number of the statement, from 0. */
  readonly statement: number;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  /** The first is `time` where there are times. */
  readonly columns: readonly string[];
  readonly rowCount: number;
  /** ns since the Unix epoch; undefined = the answer has no times. */
  readonly times: BigInt64Array | undefined;
  readonly #values: readonly (ApiColumn | undefined)[];

  constructor(statement: number, block: SeriesBlock) {
    this.statement = statement;
    this.name = block.name;
    this.tags = Object.fromEntries(block.tags);
    this.columns = block.columns;
    this.rowCount = block.rowCount;
    this.times = block.times;
    this.#values = block.values;
  }

  /** By the names in `columns`; times and integers are bigints, so that none loses a digit. */
  *rows(): Generator<Readonly<Record<string, Cell>>> {
    const { columns, times } = this;
    const first = times === undefined ? 0 : 1;
    for (let row = 0; row < this.rowCount; row++) {
      const cells: Record<string, Cell> = {};
      if (times !== undefined) cells[columns[0]!] = times[row]!;
      this.#values.forEach((column, i) => {
        cells[columns[first + i]!] = cellOf(column, row);
      });
      yield cells;
    }
  }

  /** All values of a column, in order of the rows. @throws RangeError when there is no such column */
  column(name: string): Cell[] {
    const { times } = this;
    const place = this.columns.indexOf(name);
    if (place < 0) throw new RangeError(`there is no column ${JSON.stringify(name)}`);
    if (times !== undefined && place === 0) return [...times];
    const column = this.#values[times === undefined ? place : place - 1];
    return Array.from({ length: this.rowCount }, (_, row) => cellOf(column, row));
  }
}
