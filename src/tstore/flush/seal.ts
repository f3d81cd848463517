/**
 * Seals resolved rows of one series into chunks, leaving out the stamps that may go.
 *
 * The rule (docs/formats/tstore.md): stamps at or below the horizon may be left out only where every other
 * chunk of the series that overlaps in time takes part, the horizon lies below every stamp of the series
 * in memtables that take no part, no chunk that takes part has a `stableHlc` above the horizon (one from another
 * store may), and all tombstones have been applied. Else stamps stay, and a row that had none keeps its old
 * `stableHlc` as its stamp. So a row without a stamp always says: of all entries up to `stableHlc`, anywhere, this one won.
 */

import type { Column } from '../../model/column.ts';
import { chunkRowsMax, encodeChunk } from '../chunk/chunk.ts';
import type { ChunkInputColumn } from '../chunk/chunk-encode.ts';
import { afterAllOrigins, type StampRuns } from '../chunk/stamp-runs.ts';
import type { CellStamps, Rows } from '../merge/combine.ts';
import type { Origins } from '../merge/origins.ts';
import { cutColumns } from '../merge/piece.ts';

export interface SealOptions {
  /** Stamps at or below may go, where they may go at all. */
  readonly horizon: number;
  /** Greatest `stableHlc` of the chunks that take part; 0 = none. */
  readonly stableHlc: number;
  /** No stamp goes while the horizon is below `stableHlc`. */
  readonly isForeignKept: boolean;
  /** Whether a chunk that takes no part has rows of the series in [min, max]. */
  readonly isOverlapped: (min: number, max: number) => boolean;
  /** The file's number of the i-th field. */
  readonly fieldNos: readonly number[];
  readonly origins: Origins;
}

export interface SealedChunk {
  readonly bytes: Uint8Array;
  readonly min: number;
  readonly max: number;
  readonly pointCount: number;
  readonly stableHlc: number;
  readonly hlcMin: number;
  readonly stamped: boolean;
}

/** Decides, cell by cell, what is written; `hlc` 0 = no stamp. */
interface Keeping {
  readonly mayDrop: boolean;
  readonly horizon: number;
  readonly stableHlc: number;
}

function isBare(keeping: Keeping, hlc: number, origin: number): boolean {
  if (keeping.mayDrop && hlc <= keeping.horizon) return true;
  return origin === afterAllOrigins && hlc === keeping.stableHlc;
}

class RunBuilder {
  readonly ends: number[] = [];
  readonly hlcs: number[] = [];
  readonly origins: number[] = [];

  extend(end: number, hlc: number, origin: number): void {
    const last = this.ends.length - 1;
    if (last >= 0 && this.hlcs[last] === hlc && this.origins[last] === origin) {
      this.ends[last] = end;
      return;
    }
    this.ends.push(end);
    this.hlcs.push(hlc);
    this.origins.push(origin);
  }

  /** A cell without a value joins whatever run is there. */
  skip(end: number): void {
    const last = this.ends.length - 1;
    if (last >= 0) this.ends[last] = end;
  }

  finish(): StampRuns {
    return {
      ends: Uint32Array.from(this.ends),
      hlcs: Float64Array.from(this.hlcs),
      origins: Uint32Array.from(this.origins),
    };
  }
}

interface ColumnStamps {
  readonly runs: StampRuns | undefined;
  readonly hlcMin: number;
}

/** `table` collects the origins that the chunk names. */
function buildRuns(
  column: Column,
  cells: CellStamps,
  from: number,
  keeping: Keeping,
  table: number[],
): ColumnStamps {
  const { valid } = column;
  const count = column.type === 'string' ? column.codes.length : column.values.length;
  const runs = new RunBuilder();
  let hlcMin = Number.POSITIVE_INFINITY;
  let anyStamp = false;
  for (let i = 0; i < count; i++) {
    if (valid !== undefined && valid[i] === 0) {
      runs.skip(i + 1);
      continue;
    }
    const hlc = cells.hlcs[from + i]!;
    const origin = cells.origins[from + i]!;
    // The first run starts at row 0 even when its first cells have no value.
    if (isBare(keeping, hlc, origin)) {
      hlcMin = Math.min(hlcMin, keeping.stableHlc);
      runs.extend(i + 1, 0, 0);
      continue;
    }
    anyStamp = true;
    hlcMin = Math.min(hlcMin, hlc);
    let place = origin;
    if (origin !== afterAllOrigins) {
      place = table.indexOf(origin);
      if (place < 0) place = table.push(origin) - 1;
    }
    runs.extend(i + 1, hlc, place);
  }
  return { runs: anyStamp ? runs.finish() : undefined, hlcMin };
}

/** Rows [from, until) as one chunk. */
function sealSlice(rows: Rows, from: number, until: number, options: SealOptions): SealedChunk {
  const offsets = rows.offsets.subarray(from, until);
  const min = offsets[0]!;
  const max = offsets[offsets.length - 1]!;
  const { stamps } = rows;
  // Without stamps at hand the caller has found that none needs to be kept.
  const isBehind = options.isForeignKept && options.horizon < options.stableHlc;
  const mayDrop = stamps === undefined || !(isBehind || options.isOverlapped(min, max));
  const stableHlc = mayDrop ? Math.max(options.stableHlc, options.horizon) : options.stableHlc;
  const keeping: Keeping = { mayDrop, horizon: options.horizon, stableHlc };
  const columns: ChunkInputColumn[] = [];
  const table: number[] = [];
  let hlcMin = stamps === undefined ? stableHlc : Number.POSITIVE_INFINITY;
  cutColumns(rows.columns, from, until).forEach((column, f) => {
    if (column === undefined || column.valid?.includes(1) === false) return;
    let runs: StampRuns | undefined;
    if (stamps !== undefined) {
      const built = buildRuns(column, stamps[f]!, from, keeping, table);
      runs = built.runs;
      hlcMin = Math.min(hlcMin, built.hlcMin);
    }
    columns.push({ field: options.fieldNos[f]!, column, stamps: runs });
  });
  const origins = table.map((origin) => options.origins.names[origin]!);
  const bytes = encodeChunk({ offsets, stableHlc, columns, origins });
  const stamped = columns.some((column) => column.stamps !== undefined);
  return { bytes, min, max, pointCount: offsets.length, stableHlc, hlcMin, stamped };
}

/** Rows must each have a cell; fields ascend by their number in the file. */
export function sealRows(rows: Rows, options: SealOptions): SealedChunk[] {
  const chunks: SealedChunk[] = [];
  const count = rows.offsets.length;
  for (let from = 0; from < count; from += chunkRowsMax) {
    chunks.push(sealSlice(rows, from, Math.min(count, from + chunkRowsMax), options));
  }
  return chunks;
}
