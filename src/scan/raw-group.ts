/**
 * Raw rows of one group: gathered from the batches of many series, put in order at each drain, cut
 * into blocks.
 */

import type { Column, ColumnBatch } from '../model/column.ts';
import type { RawBlock, RawOutput } from '../model/plan.ts';
import { countRows, listLastRows, listRows, pick, pickRows } from './filter-rows.ts';
import { GrowingColumn } from './growing-column.ts';
import { orderRows, pickTimes, writeTimes } from './row-order.ts';
import { compareText } from './text-order.ts';

/** Rows per block: large enough to forget its overhead, small enough to stream. */
const blockRowsMax = 16_384;

interface Piece {
  readonly series: string;
  readonly base: bigint;
  readonly offsets: Float64Array;
}

export class RawGroup {
  readonly #output: RawOutput;
  readonly #group: readonly string[];
  readonly #descending: boolean;
  #pieces: Piece[] = [];
  #columns: GrowingColumn[] = [];
  #rowCount = 0;
  #drainedCount = 0;

  constructor(output: RawOutput, group: readonly string[], descending: boolean) {
    this.#output = output;
    this.#group = group;
    this.#descending = descending;
  }

  #clear(): void {
    this.#pieces = [];
    this.#columns = [];
    this.#rowCount = 0;
  }

  /** Rows that the limit still lets out. */
  get #room(): number {
    const { rowLimit } = this.#output;
    return rowLimit > 0 ? Math.max(0, rowLimit - this.#drainedCount) : Infinity;
  }

  get isFull(): boolean {
    return this.#output.rowLimit > 0 && this.#drainedCount >= this.#output.rowLimit;
  }

  get memoryBytes(): number {
    return this.#columns.reduce((sum, column) => sum + column.memoryBytes, this.#rowCount * 8);
  }

  /** `columns[i]` belongs to column i of the plan: a column of the batch, or the text of a tag. */
  addRows(
    series: string,
    batch: ColumnBatch,
    columns: readonly (Column | string | undefined)[],
  ): void {
    const mask = rowsWithField(columns, batch.rowCount);
    const passing = mask ? countRows(mask) : batch.rowCount;
    // The rows of a batch are in order: those beyond the room cannot come out.
    const count = Math.min(passing, this.#room);
    if (count === 0) return;
    if (count === batch.rowCount && !this.#descending) {
      this.#append(series, batch.base, batch.offsets, columns);
      return;
    }
    const rows = this.#descending
      ? listLastRows(mask, batch.rowCount, count)
      : listRows(mask, batch.rowCount, count);
    const cut = columns.map((column) =>
      typeof column === 'object' ? pickRows(column, rows) : column,
    );
    const offsets = pick(batch.offsets, rows, new Float64Array(count));
    this.#append(series, batch.base, offsets, cut);
  }

  #append(
    series: string,
    base: bigint,
    offsets: Float64Array,
    columns: readonly (Column | string | undefined)[],
  ): void {
    const rowCount = offsets.length;
    if (this.#rowCount === 0) {
      this.#columns = this.#output.columns.map((column) => new GrowingColumn(column.type));
    }
    this.#pieces.push({ series, base, offsets });
    this.#rowCount += rowCount;
    columns.forEach((column, i) => {
      const target = this.#columns[i]!;
      if (typeof column === 'string') target.appendText(column, rowCount);
      else target.append(column, rowCount);
    });
  }

  drain(): RawBlock[] {
    const count = Math.min(this.#rowCount, this.#room);
    if (count === 0) return [];
    const blocks = cutBlocks(this.#toBlock(), count);
    this.#drainedCount += count;
    this.#clear();
    return blocks;
  }

  #toBlock(): RawBlock {
    const series = [...new Set(this.#pieces.map((piece) => piece.series))].sort(compareText);
    const rankOf = new Map(series.map((key, rank) => [key, rank]));
    const times = new BigInt64Array(this.#rowCount);
    const ranks = new Uint32Array(this.#rowCount);
    const ends: number[] = [];
    let at = 0;
    for (const { series: key, base, offsets } of this.#pieces) {
      writeTimes(base, offsets, times, at);
      ranks.fill(rankOf.get(key)!, at, at + offsets.length);
      at += offsets.length;
      ends.push(at);
    }
    const columns = this.#columns.map((column) => column.finish());
    const block = { kind: 'raw', group: this.#group, series } as const;
    const order = orderRows({ times, ranks, descending: this.#descending }, ends);
    if (!order) return { ...block, times, columns, seriesOfRow: ranks };
    return {
      ...block,
      times: pickTimes(times, order),
      columns: columns.map((column) => column && pickRows(column, order)),
      seriesOfRow: pick(ranks, order, new Uint32Array(order.length)),
    };
  }
}

/** Rows in which some field of the plan has a value; undefined = all. */
function rowsWithField(
  columns: readonly (Column | string | undefined)[],
  rowCount: number,
): Uint8Array | undefined {
  const mask = new Uint8Array(rowCount);
  for (const column of columns) {
    if (column === undefined || typeof column === 'string') continue;
    if (!column.valid) return undefined;
    for (let row = 0; row < rowCount; row++) mask[row]! |= column.valid[row]!;
  }
  return mask;
}

function cutBlocks(block: RawBlock, count: number): RawBlock[] {
  const blocks: RawBlock[] = [];
  for (let from = 0; from < count; from += blockRowsMax) {
    const until = Math.min(count, from + blockRowsMax);
    blocks.push({
      ...block,
      times: block.times.subarray(from, until),
      columns: block.columns.map((column) => column && sliceColumn(column, from, until)),
      seriesOfRow: block.seriesOfRow.subarray(from, until),
    });
  }
  return blocks;
}

/** Rows [from, until); shares memory. */
export function sliceColumn(column: Column, from: number, until: number): Column {
  const valid = column.valid?.subarray(from, until);
  if (column.type === 'string') {
    return { ...column, codes: column.codes.subarray(from, until), valid };
  }
  return { ...column, values: column.values.subarray(from, until), valid } as Column;
}
