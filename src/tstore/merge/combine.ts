/**
 * Rows of one series out of several pieces: cells with the same time and field resolved by stamp (higher
 * clock, then later origin, then newer piece), cells hidden by tombstones gone.
 *
 * Pieces that do not overlap are put end to end; only overlapping ones pay for a merge cell by cell.
 */

import type { Column } from '../../model/column.ts';
import { joinColumns, type Picks, pickColumn } from './join-columns.ts';
import type { Origins } from './origins.ts';
import type { Hiding, Piece } from './piece.ts';
import { lowerBound } from './piece.ts';

/** Stamp of every cell of one column; meaningless where there is no value. */
export interface CellStamps {
  readonly hlcs: Float64Array;
  readonly origins: Uint32Array;
}

export interface Rows {
  readonly offsets: Float64Array;
  readonly columns: readonly (Column | undefined)[];
  /** One per field, when asked for. */
  readonly stamps: readonly CellStamps[] | undefined;
}

const emptyRows: Rows = { offsets: new Float64Array(0), columns: [], stamps: undefined };

function spreadStamps(piece: Piece, field: number, into: CellStamps, at: number): void {
  const count = piece.offsets.length;
  const runs = piece.stamps?.[field];
  if (runs === undefined) {
    into.hlcs.fill(piece.hlc, at, at + count);
    into.origins.fill(piece.origin, at, at + count);
    return;
  }
  let row = 0;
  for (let i = 0; i < runs.ends.length; i++) {
    const bare = runs.hlcs[i] === 0;
    into.hlcs.fill(bare ? piece.hlc : runs.hlcs[i]!, at + row, at + runs.ends[i]!);
    into.origins.fill(bare ? piece.origin : runs.origins[i]!, at + row, at + runs.ends[i]!);
    row = runs.ends[i]!;
  }
}

function makeStamps(count: number): CellStamps {
  return { hlcs: new Float64Array(count), origins: new Uint32Array(count) };
}

/** Greatest tombstone over each row; hlc 0 = none. */
function hidingsByRow(piece: Piece, hidings: readonly Hiding[], origins: Origins): CellStamps {
  const found = makeStamps(piece.offsets.length);
  for (const hiding of hidings) {
    const until = lowerBound(piece.offsets, hiding.maxOffset + 1);
    for (let i = lowerBound(piece.offsets, hiding.minOffset); i < until; i++) {
      const best = found.hlcs[i]!;
      const greater =
        hiding.hlc > best ||
        (hiding.hlc === best && origins.compare(hiding.origin, found.origins[i]!) > 0);
      if (!greater) continue;
      found.hlcs[i] = hiding.hlc;
      found.origins[i] = hiding.origin;
    }
  }
  return found;
}

/** All times of all pieces, each once, ascending. */
function unionOffsets(pieces: readonly Piece[]): Float64Array {
  let total = 0;
  for (const piece of pieces) total += piece.offsets.length;
  const all = new Float64Array(total);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece.offsets, at);
    at += piece.offsets.length;
  }
  all.sort();
  let count = 0;
  for (let i = 0; i < total; i++) {
    if (i === 0 || all[i] !== all[i - 1]) all[count++] = all[i]!;
  }
  return all.subarray(0, count);
}

function rowsInUnion(offsets: Float64Array, union: Float64Array): Uint32Array {
  const rows = new Uint32Array(offsets.length);
  let at = lowerBound(union, offsets[0] ?? 0);
  for (let i = 0; i < offsets.length; i++) {
    while (union[at]! < offsets[i]!) at++;
    rows[i] = at;
  }
  return rows;
}

interface Contest {
  readonly picks: Picks;
  readonly best: CellStamps;
}

/** Lets the cells of one piece compete for one field. Pieces come from the oldest to the newest. */
function compete(
  contest: Contest,
  source: number,
  column: Column,
  own: CellStamps,
  hidden: CellStamps | undefined,
  places: Uint32Array,
  origins: Origins,
): void {
  const { picks, best } = contest;
  const { valid } = column;
  for (let row = 0; row < places.length; row++) {
    if (valid !== undefined && valid[row] === 0) continue;
    const hlc = own.hlcs[row]!;
    const origin = own.origins[row]!;
    if (hidden !== undefined) {
      const by = hidden.hlcs[row]!;
      if (by > hlc) continue;
      if (by === hlc && origins.compare(hidden.origins[row]!, origin) > 0) continue;
    }
    const place = places[row]!;
    if (picks.sources[place]! >= 0) {
      const rival = best.hlcs[place]!;
      if (rival > hlc) continue;
      if (rival === hlc && origins.compare(best.origins[place]!, origin) > 0) continue;
    }
    picks.sources[place] = source;
    picks.rows[place] = row;
    best.hlcs[place] = hlc;
    best.origins[place] = origin;
  }
}

function mergePieces(pieces: readonly Piece[], fieldCount: number, origins: Origins): Rows {
  const ordered = pieces.slice().sort((a, b) => a.age - b.age);
  const union = unionOffsets(ordered);
  const contests: Contest[] = [];
  for (let f = 0; f < fieldCount; f++) {
    const sources = new Int32Array(union.length).fill(-1);
    contests.push({
      picks: { sources, rows: new Uint32Array(union.length) },
      best: makeStamps(union.length),
    });
  }
  ordered.forEach((piece, source) => {
    const places = rowsInUnion(piece.offsets, union);
    const hidden =
      piece.hidings.length === 0 ? undefined : hidingsByRow(piece, piece.hidings, origins);
    const own = makeStamps(piece.offsets.length);
    for (let f = 0; f < fieldCount; f++) {
      const column = piece.columns[f];
      if (column === undefined) continue;
      spreadStamps(piece, f, own, 0);
      compete(contests[f]!, source, column, own, hidden, places, origins);
    }
  });
  const columns = contests.map(({ picks }, f) =>
    pickColumn(
      ordered.map((piece) => piece.columns[f]),
      picks,
    ),
  );
  return { offsets: union, columns, stamps: contests.map((contest) => contest.best) };
}

function concatenate(pieces: readonly Piece[], fieldCount: number, withStamps: boolean): Rows {
  const counts = pieces.map((piece) => piece.offsets.length);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const offsets = new Float64Array(total);
  let at = 0;
  for (const piece of pieces) {
    offsets.set(piece.offsets, at);
    at += piece.offsets.length;
  }
  const columns: (Column | undefined)[] = [];
  const stamps: CellStamps[] | undefined = withStamps ? [] : undefined;
  for (let f = 0; f < fieldCount; f++) {
    columns.push(
      joinColumns(
        pieces.map((piece) => piece.columns[f]),
        counts,
      ),
    );
    if (stamps === undefined) continue;
    const cells = makeStamps(total);
    let row = 0;
    for (const piece of pieces) {
      spreadStamps(piece, f, cells, row);
      row += piece.offsets.length;
    }
    stamps.push(cells);
  }
  return { offsets, columns, stamps };
}

function areDisjoint(ordered: readonly Piece[]): boolean {
  for (let i = 1; i < ordered.length; i++) {
    const before = ordered[i - 1]!.offsets;
    if (before[before.length - 1]! >= ordered[i]!.offsets[0]!) return false;
  }
  return true;
}

/** No piece may be empty; `withStamps` asks for the stamps of all cells. Rows may have no cell at all. */
export function combinePieces(
  pieces: readonly Piece[],
  fieldCount: number,
  origins: Origins,
  withStamps: boolean,
): Rows {
  const first = pieces[0];
  if (first === undefined) return emptyRows;
  const isHidden = pieces.some((piece) => piece.hidings.length > 0);
  if (!isHidden && !withStamps && pieces.length === 1) {
    return { offsets: first.offsets, columns: first.columns, stamps: undefined };
  }
  const ordered = pieces.slice().sort((a, b) => a.offsets[0]! - b.offsets[0]!);
  if (!isHidden && areDisjoint(ordered)) return concatenate(ordered, fieldCount, withStamps);
  return mergePieces(pieces, fieldCount, origins);
}

/** Indexes of the rows that have at least one cell; undefined = all have. */
function findLiveRows(rows: Rows): Uint32Array | undefined {
  const count = rows.offsets.length;
  if (rows.columns.some((column) => column !== undefined && column.valid === undefined)) {
    return undefined;
  }
  const live = new Uint32Array(count);
  let liveCount = 0;
  for (let i = 0; i < count; i++) {
    if (rows.columns.some((column) => column?.valid?.[i] === 1)) live[liveCount++] = i;
  }
  return liveCount === count ? undefined : live.subarray(0, liveCount);
}

function selectStamps(stamps: CellStamps, live: Uint32Array): CellStamps {
  const chosen = makeStamps(live.length);
  for (let i = 0; i < live.length; i++) {
    chosen.hlcs[i] = stamps.hlcs[live[i]!]!;
    chosen.origins[i] = stamps.origins[live[i]!]!;
  }
  return chosen;
}

/** The same without rows that have no cell. */
export function dropEmptyRows(rows: Rows): Rows {
  const live = findLiveRows(rows);
  if (live === undefined) return rows;
  const offsets = new Float64Array(live.length);
  for (let i = 0; i < live.length; i++) offsets[i] = rows.offsets[live[i]!]!;
  const columns = rows.columns.map((column) => {
    if (column === undefined) return undefined;
    const sources = new Int32Array(live.length);
    for (let i = 0; i < live.length; i++) sources[i] = column.valid?.[live[i]!] === 0 ? -1 : 0;
    return pickColumn([column], { sources, rows: live });
  });
  return { offsets, columns, stamps: rows.stamps?.map((cells) => selectStamps(cells, live)) };
}
