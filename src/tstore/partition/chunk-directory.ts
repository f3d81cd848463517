/**
 * Which chunks a partition file has, in memory, about 70 bytes each: layers of parallel arrays sorted
 * by (series id, first offset). A flush or a compaction step adds a layer and may bury rows; the
 * arrays themselves never change, so that a view of the directory is the object itself.
 */

import type { ChunkEntry } from './row-entries.ts';

export interface StoredRow {
  readonly no: number;
  readonly dataSum: number;
  readonly chunks: readonly ChunkEntry[];
}

/** One chunk, found: its layer and its place in it. */
export class DirectoryLayer {
  readonly count: number;
  readonly seriesIds: Uint32Array;
  readonly mins: Float64Array;
  readonly maxs: Float64Array;
  readonly pointCounts: Uint32Array;
  readonly rowNos: Uint32Array;
  /** Where in the row's bytes the chunk lies. */
  readonly starts: Uint32Array;
  readonly sizes: Uint32Array;
  readonly dataSums: Uint32Array;
  readonly stableHlcs: Float64Array;
  readonly hlcMins: Float64Array;
  readonly tombstoneNos: Uint32Array;
  /** 1 = some cells have stamps of their own. */
  readonly stamped: Uint8Array;
  /** Two words each. */
  readonly keyHashes: Uint32Array;

  constructor(count: number) {
    this.count = count;
    this.seriesIds = new Uint32Array(count);
    this.mins = new Float64Array(count);
    this.maxs = new Float64Array(count);
    this.pointCounts = new Uint32Array(count);
    this.rowNos = new Uint32Array(count);
    this.starts = new Uint32Array(count);
    this.sizes = new Uint32Array(count);
    this.dataSums = new Uint32Array(count);
    this.stableHlcs = new Float64Array(count);
    this.hlcMins = new Float64Array(count);
    this.tombstoneNos = new Uint32Array(count);
    this.stamped = new Uint8Array(count);
    this.keyHashes = new Uint32Array(count * 2);
  }

  set(at: number, row: StoredRow, start: number, chunk: ChunkEntry): void {
    this.seriesIds[at] = chunk.seriesId;
    this.mins[at] = chunk.min;
    this.maxs[at] = chunk.max;
    this.pointCounts[at] = chunk.pointCount;
    this.rowNos[at] = row.no;
    this.starts[at] = start;
    this.sizes[at] = chunk.size;
    this.dataSums[at] = row.dataSum;
    this.stableHlcs[at] = chunk.stableHlc;
    this.hlcMins[at] = chunk.hlcMin;
    this.tombstoneNos[at] = chunk.tombstoneNo;
    this.stamped[at] = chunk.stamped ? 1 : 0;
    this.keyHashes[at * 2] = chunk.hashLow;
    this.keyHashes[at * 2 + 1] = chunk.hashHigh;
  }

  copy(at: number, from: DirectoryLayer, i: number): void {
    this.seriesIds[at] = from.seriesIds[i]!;
    this.mins[at] = from.mins[i]!;
    this.maxs[at] = from.maxs[i]!;
    this.pointCounts[at] = from.pointCounts[i]!;
    this.rowNos[at] = from.rowNos[i]!;
    this.starts[at] = from.starts[i]!;
    this.sizes[at] = from.sizes[i]!;
    this.dataSums[at] = from.dataSums[i]!;
    this.stableHlcs[at] = from.stableHlcs[i]!;
    this.hlcMins[at] = from.hlcMins[i]!;
    this.tombstoneNos[at] = from.tombstoneNos[i]!;
    this.stamped[at] = from.stamped[i]!;
    this.keyHashes[at * 2] = from.keyHashes[i * 2]!;
    this.keyHashes[at * 2 + 1] = from.keyHashes[i * 2 + 1]!;
  }

  entry(i: number): ChunkEntry {
    return {
      seriesId: this.seriesIds[i]!,
      hashLow: this.keyHashes[i * 2]!,
      hashHigh: this.keyHashes[i * 2 + 1]!,
      size: this.sizes[i]!,
      min: this.mins[i]!,
      max: this.maxs[i]!,
      pointCount: this.pointCounts[i]!,
      stableHlc: this.stableHlcs[i]!,
      hlcMin: this.hlcMins[i]!,
      stamped: this.stamped[i] === 1,
      tombstoneNo: this.tombstoneNos[i]!,
    };
  }

  /** First place whose series id is at least `id`. */
  firstOf(id: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.seriesIds[middle]! < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A chunk in a directory. */
export interface ChunkRef {
  readonly layer: DirectoryLayer;
  readonly at: number;
}

/** Two neighbours are made one when the older is not this much larger. */
const layerRatio = 4;
/** Buried rows beyond this are worth a rebuild. */
const buriedMax = 4096;

function layerOfRows(rows: readonly StoredRow[]): DirectoryLayer {
  const found: { row: StoredRow; start: number; chunk: ChunkEntry }[] = [];
  for (const row of rows) {
    let start = 0;
    for (const chunk of row.chunks) {
      found.push({ row, start, chunk });
      start += chunk.size;
    }
  }
  found.sort((a, b) => a.chunk.seriesId - b.chunk.seriesId || a.chunk.min - b.chunk.min);
  const layer = new DirectoryLayer(found.length);
  found.forEach(({ row, start, chunk }, i) => {
    layer.set(i, row, start, chunk);
  });
  return layer;
}

function mergeLayers(
  a: DirectoryLayer,
  b: DirectoryLayer,
  buried: ReadonlySet<number>,
): DirectoryLayer {
  const isAlive = (layer: DirectoryLayer, i: number) => !buried.has(layer.rowNos[i]!);
  let count = 0;
  for (const layer of [a, b]) for (let i = 0; i < layer.count; i++) if (isAlive(layer, i)) count++;
  const merged = new DirectoryLayer(count);
  let i = 0;
  let j = 0;
  let at = 0;
  while (i < a.count || j < b.count) {
    const takeA =
      j >= b.count ||
      (i < a.count && (a.seriesIds[i]! - b.seriesIds[j]! || a.mins[i]! - b.mins[j]!) <= 0);
    const layer = takeA ? a : b;
    const from = takeA ? i++ : j++;
    if (isAlive(layer, from)) merged.copy(at++, layer, from);
  }
  return merged;
}

export class ChunkDirectory {
  readonly layers: readonly DirectoryLayer[];
  /** Rows replaced since their layer was made. */
  readonly buried: ReadonlySet<number>;

  constructor(layers: readonly DirectoryLayer[], buried: ReadonlySet<number>) {
    this.layers = layers;
    this.buried = buried;
  }

  static ofRows(rows: readonly StoredRow[]): ChunkDirectory {
    return new ChunkDirectory(rows.length === 0 ? [] : [layerOfRows(rows)], new Set());
  }

  /** The directory after rows came and others went. */
  with(added: readonly StoredRow[], gone: readonly number[]): ChunkDirectory {
    let buried: ReadonlySet<number> =
      gone.length === 0 ? this.buried : new Set([...this.buried, ...gone]);
    const layers = [...this.layers];
    if (added.length > 0) layers.push(layerOfRows(added));
    const mergeAll = buried.size > buriedMax;
    while (layers.length > 1) {
      const newer = layers[layers.length - 1]!;
      const older = layers[layers.length - 2]!;
      if (!mergeAll && older.count > newer.count * layerRatio) break;
      layers.splice(-2, 2, mergeLayers(older, newer, buried));
    }
    if (mergeAll && layers.length === 1) {
      layers[0] = mergeLayers(layers[0]!, new DirectoryLayer(0), buried);
      buried = new Set();
    }
    return new ChunkDirectory(layers, buried);
  }

  /** Calls `visit` for every chunk of a series, of each layer by first offset. */
  forSeries(id: number, visit: (layer: DirectoryLayer, at: number) => void): void {
    for (const layer of this.layers) {
      for (let i = layer.firstOf(id); i < layer.count && layer.seriesIds[i] === id; i++) {
        if (!this.buried.has(layer.rowNos[i]!)) visit(layer, i);
      }
    }
  }

  /** Chunks of a series that touch offsets [min, max], by first offset. */
  find(id: number, min: number, max: number): ChunkRef[] {
    const found: ChunkRef[] = [];
    this.forSeries(id, (layer, at) => {
      if (layer.mins[at]! <= max && layer.maxs[at]! >= min) found.push({ layer, at });
    });
    if (this.layers.length > 1) {
      found.sort((a, b) => a.layer.mins[a.at]! - b.layer.mins[b.at]!);
    }
    return found;
  }

  get memoryBytes(): number {
    return this.layers.reduce((sum, layer) => sum + layer.count * 70, 0);
  }

  get chunkCount(): number {
    return this.layers.reduce((sum, layer) => sum + layer.count, 0);
  }
}
