/**
 * Piece: rows of one series in one partition from one source (a chunk, or a segment of a memtable),
 * decoded for the wanted fields, with what ranks its cells against those of other pieces.
 */

import type { Column } from '../../model/column.ts';
import type { StampRuns } from '../chunk/stamp-runs.ts';

/** A tombstone as one partition sees it. Offsets inclusive, ns since the partition's start. */
export interface Hiding {
  readonly hlc: number;
  readonly origin: number;
  readonly minOffset: number;
  readonly maxOffset: number;
}

export interface Piece {
  /** ns since the partition's start, strictly ascending. */
  readonly offsets: Float64Array;
  /** One per wanted field; undefined = no cell. */
  readonly columns: readonly (Column | undefined)[];
  /** Stamp of the cells that no run stamps. */
  readonly hlc: number;
  readonly origin: number;
  /** Per wanted field, where some cells have stamps of their own; origins are numbers of the store. */
  readonly stamps: readonly (StampRuns | undefined)[] | undefined;
  /** Of two cells with the same stamp the one of greater age number wins: the newer chunk. */
  readonly age: number;
  /** Tombstones that may hide cells of this piece. */
  readonly hidings: readonly Hiding[];
}

/** Age of rows in a memtable: newer than any chunk. */
export const memtableAge = Number.MAX_SAFE_INTEGER;

/** First index whose value is at least `bound`. */
export function lowerBound(offsets: Float64Array, bound: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsets[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

function cutColumn(column: Column, from: number, until: number): Column {
  const valid = column.valid?.subarray(from, until);
  switch (column.type) {
    case 'float':
      return { type: column.type, values: column.values.subarray(from, until), valid };
    case 'integer':
      return { type: column.type, values: column.values.subarray(from, until), valid };
    case 'unsigned':
      return { type: column.type, values: column.values.subarray(from, until), valid };
    case 'boolean':
      return { type: column.type, values: column.values.subarray(from, until), valid };
    case 'string': {
      const { dictionary } = column;
      return { type: column.type, codes: column.codes.subarray(from, until), dictionary, valid };
    }
  }
}

/** Rows [from, until) as views. */
export function cutColumns(
  columns: readonly (Column | undefined)[],
  from: number,
  until: number,
): (Column | undefined)[] {
  return columns.map((column) => column && cutColumn(column, from, until));
}

/** Runs of rows [from, until). */
export function cutRuns(runs: StampRuns, from: number, until: number): StampRuns {
  const ends: number[] = [];
  const hlcs: number[] = [];
  const origins: number[] = [];
  for (let i = 0; i < runs.ends.length; i++) {
    const start = i === 0 ? 0 : runs.ends[i - 1]!;
    const end = Math.min(runs.ends[i]!, until) - from;
    if (end <= Math.max(start - from, 0)) continue;
    ends.push(end);
    hlcs.push(runs.hlcs[i]!);
    origins.push(runs.origins[i]!);
  }
  return {
    ends: Uint32Array.from(ends),
    hlcs: Float64Array.from(hlcs),
    origins: Uint32Array.from(origins),
  };
}

/** The rows of a piece with offsets in [min, max]; undefined = none. */
export function cutPiece(piece: Piece, min: number, max: number): Piece | undefined {
  const { offsets } = piece;
  const from = lowerBound(offsets, min);
  const until = lowerBound(offsets, max + 1);
  if (from >= until) return undefined;
  if (from === 0 && until === offsets.length) return piece;
  return {
    ...piece,
    offsets: offsets.subarray(from, until),
    columns: cutColumns(piece.columns, from, until),
    stamps: piece.stamps?.map((runs) => runs && cutRuns(runs, from, until)),
  };
}
