/**
 * Goes on with a broken stream on another replica: what was delivered before is left out of the new one.
 *
 * Blocks come in the order plan.ts fixes, so one position says what is done: the group, and for rows the
 * time and series key of the last one. A series has one row per time.
 */

import type { AggregateBlock, RawBlock, ScanBlock } from '../../model/plan.ts';
import { compareText } from '../../scan/text-order.ts';
import { gatherColumn } from '../columns/gather-column.ts';
import { groupKey } from './group-key.ts';

interface Position {
  readonly key: string;
  /** Of the last row; undefined in aggregate streams, where a group is one block. */
  readonly row: { readonly time: bigint; readonly series: string } | undefined;
}

function positionOf(block: ScanBlock): Position | undefined {
  const key = groupKey(block.group);
  if (block.kind === 'aggregate') return { key, row: undefined };
  const last = block.times.length - 1;
  if (last < 0) return undefined;
  const series = block.series[block.seriesOfRow[last]!] ?? '';
  return { key, row: { time: block.times[last]!, series } };
}

/** Rows [from, end) of a block. */
function sliceRows(block: RawBlock, from: number): RawBlock {
  const count = block.times.length - from;
  const rowOf = Uint32Array.from({ length: count }, (_, i) => from + i);
  const picks = { count, sourceOf: new Uint16Array(count), rowOf };
  return {
    ...block,
    times: block.times.slice(from),
    seriesOfRow: block.seriesOfRow.slice(from),
    columns: block.columns.map((column) => column && gatherColumn([column], picks)),
  };
}

export class ResumeFilter {
  readonly #sign: number;
  #position: Position | undefined;
  #isBehind = false;

  constructor(descending: boolean) {
    this.#sign = descending ? -1 : 1;
  }

  /** The stream starts anew: what comes now may have been delivered. */
  restart(): void {
    this.#isBehind = this.#position !== undefined;
  }

  /** What of the block is new; undefined = nothing. It counts as delivered from now on. */
  take<B extends ScanBlock>(block: B): B | undefined;
  take(block: ScanBlock): ScanBlock | undefined {
    const rest = this.#isBehind ? this.#rest(block) : block;
    if (rest === undefined) return undefined;
    this.#isBehind = false;
    this.#position = positionOf(rest) ?? this.#position;
    return rest;
  }

  #rest(block: ScanBlock): RawBlock | AggregateBlock | undefined {
    const position = this.#position!;
    const order = this.#sign * compareText(groupKey(block.group), position.key);
    if (order !== 0) return order > 0 ? block : undefined;
    if (block.kind === 'aggregate' || position.row === undefined) return undefined;
    const from = this.#firstAfter(block, position.row);
    return from === block.times.length ? undefined : sliceRows(block, from);
  }

  #firstAfter(block: RawBlock, row: NonNullable<Position['row']>): number {
    const { times, series, seriesOfRow } = block;
    for (let i = 0; i < times.length; i++) {
      const time = times[i]!;
      const byTime = time === row.time ? 0 : time < row.time ? -1 : 1;
      const order = byTime || compareText(series[seriesOfRow[i]!] ?? '', row.series);
      if (this.#sign * order > 0) return i;
    }
    return times.length;
  }
}
