/** Takes a chunk apart by time, for a store whose files begin and end elsewhere. Stamps stay what they are. */

import {
  type ChunkInputColumn,
  decodeColumn,
  decodeStamps,
  decodeTimes,
  encodeChunk,
  openChunk,
} from '../chunk/chunk.ts';
import { cutColumns, cutRuns, lowerBound } from '../merge/piece.ts';

export interface CutChunk {
  /** Rows with offsets in [from, until); undefined = none. */
  readonly bytes: Uint8Array | undefined;
  /** Offset of the first row after them; Infinity = none. */
  readonly next: number;
}

/** Errors: `corrupt`. */
export function cutChunk(bytes: Uint8Array, from: number, until: number): CutChunk {
  const view = openChunk(bytes);
  const offsets = decodeTimes(view);
  const first = lowerBound(offsets, from);
  const end = lowerBound(offsets, until);
  const next = offsets[end] ?? Number.POSITIVE_INFINITY;
  if (first === end) return { bytes: undefined, next };
  const columns: ChunkInputColumn[] = [];
  view.columns.forEach(({ field }, i) => {
    const [column] = cutColumns([decodeColumn(view, i)], first, end);
    if (column === undefined || column.valid?.includes(1) === false) return;
    const runs = decodeStamps(view, i);
    columns.push({ field, column, stamps: runs && cutRuns(runs, first, end) });
  });
  const { stableHlc, origins } = view;
  const rows = offsets.subarray(first, end);
  return { bytes: encodeChunk({ offsets: rows, stableHlc, columns, origins }), next };
}
