/**
 * Which chunks a partition file has, in memory, about 70 bytes each: layers of parallel arrays sorted
 * by (series id, first offset). A flush or a compaction step adds a layer and may bury rows; the
 * arrays themselves never change, so that a view of the directory is the object itself.
 */

import type { Breather } from './breather.ts';
import type { ChunkEntry } from './row-entries.ts';

/** One row of the directory, as its checksum needs it. */
export interface StoredRow {
  readonly no: number;
  readonly dataSum: number;
  readonly chunks: readonly ChunkEntry[];
}

/** Parallel arrays, one place per chunk; nothing changes once the layer is part of a directory. */
export class DirectoryLayer {
  /** Places in use: the arrays may be longer. */
  count = 0;
  readonly capacity: number;
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

  constructor(capacity: number) {
    this.capacity = capacity;
    this.seriesIds = new Uint32Array(capacity);
    this.mins = new Float64Array(capacity);
    this.maxs = new Float64Array(capacity);
    this.pointCounts = new Uint32Array(capacity);
    this.rowNos = new Uint32Array(capacity);
    this.starts = new Uint32Array(capacity);
    this.sizes = new Uint32Array(capacity);
    this.dataSums = new Uint32Array(capacity);
    this.stableHlcs = new Float64Array(capacity);
    this.hlcMins = new Float64Array(capacity);
    this.tombstoneNos = new Uint32Array(capacity);
    this.stamped = new Uint8Array(capacity);
    this.keyHashes = new Uint32Array(capacity * 2);
  }

  set(at: number, rowNo: number, dataSum: number, start: number, chunk: ChunkEntry): void {
    this.seriesIds[at] = chunk.seriesId;
    this.mins[at] = chunk.min;
    this.maxs[at] = chunk.max;
    this.pointCounts[at] = chunk.pointCount;
    this.rowNos[at] = rowNo;
    this.starts[at] = start;
    this.sizes[at] = chunk.size;
    this.dataSums[at] = dataSum;
    this.stableHlcs[at] = chunk.stableHlc;
    this.hlcMins[at] = chunk.hlcMin;
    this.tombstoneNos[at] = chunk.tombstoneNo;
    this.stamped[at] = chunk.stamped ? 1 : 0;
    this.keyHashes[at * 2] = chunk.hashLow;
    this.keyHashes[at * 2 + 1] = chunk.hashHigh;
  }

  copyAll(from: DirectoryLayer): void {
    this.seriesIds.set(from.seriesIds);
    this.mins.set(from.mins);
    this.maxs.set(from.maxs);
    this.pointCounts.set(from.pointCounts);
    this.rowNos.set(from.rowNos);
    this.starts.set(from.starts);
    this.sizes.set(from.sizes);
    this.dataSums.set(from.dataSums);
    this.stableHlcs.set(from.stableHlcs);
    this.hlcMins.set(from.hlcMins);
    this.tombstoneNos.set(from.tombstoneNos);
    this.stamped.set(from.stamped);
    this.keyHashes.set(from.keyHashes);
    this.count = from.count;
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

const capacityFirst = 64;

/** Fills layers row by row; starts another one where the order by series and time breaks. */
export class LayerBuilder {
  private readonly closed: DirectoryLayer[] = [];
  private layer = new DirectoryLayer(capacityFirst);

  addRow(rowNo: number, dataSum: number, chunks: readonly ChunkEntry[]): void {
    let start = 0;
    for (const chunk of chunks) {
      this.add(rowNo, dataSum, start, chunk);
      start += chunk.size;
    }
  }

  private add(rowNo: number, dataSum: number, start: number, chunk: ChunkEntry): void {
    const { count } = this.layer;
    if (count > 0) {
      const before = this.layer.seriesIds[count - 1]! - chunk.seriesId;
      if ((before || this.layer.mins[count - 1]! - chunk.min) > 0) this.close();
    }
    if (this.layer.count === this.layer.capacity) {
      const grown = new DirectoryLayer(this.layer.capacity * 2);
      grown.copyAll(this.layer);
      this.layer = grown;
    }
    this.layer.set(this.layer.count++, rowNo, dataSum, start, chunk);
  }

  private close(): void {
    if (this.layer.count > 0) this.closed.push(this.layer);
    this.layer = new DirectoryLayer(capacityFirst);
  }

  finish(): DirectoryLayer[] {
    this.close();
    return this.closed;
  }
}

const chunksPerLook = 8192;

/** Two layers as one, without the chunks of buried rows. */
async function mergeLayers(
  a: DirectoryLayer,
  b: DirectoryLayer,
  buried: ReadonlySet<number>,
  pace: Breather,
): Promise<DirectoryLayer> {
  const merged = new DirectoryLayer(a.count + b.count);
  let i = 0;
  let j = 0;
  let at = 0;
  while (i < a.count || j < b.count) {
    if ((i + j) % chunksPerLook === 0) await pace.breathe();
    const takeA =
      j >= b.count ||
      (i < a.count && (a.seriesIds[i]! - b.seriesIds[j]! || a.mins[i]! - b.mins[j]!) <= 0);
    const layer = takeA ? a : b;
    const from = takeA ? i++ : j++;
    if (!buried.has(layer.rowNos[from]!)) merged.copy(at++, layer, from);
  }
  merged.count = at;
  return merged;
}

const nothingBuried: ReadonlySet<number> = new Set();

export class ChunkDirectory {
  readonly layers: readonly DirectoryLayer[];
  /** Rows replaced since their layer was made. */
  readonly buried: ReadonlySet<number>;

  constructor(layers: readonly DirectoryLayer[], buried: ReadonlySet<number>) {
    this.layers = layers;
    this.buried = buried;
  }

  static readonly empty = new ChunkDirectory([], nothingBuried);

  static async ofLayers(found: readonly DirectoryLayer[], pace: Breather): Promise<ChunkDirectory> {
    let layers = [...found];
    while (layers.length > 1) {
      const next: DirectoryLayer[] = [];
      for (let i = 0; i < layers.length; i += 2) {
        const a = layers[i]!;
        const b = layers[i + 1];
        next.push(b === undefined ? a : await mergeLayers(a, b, nothingBuried, pace));
      }
      layers = next;
    }
    return new ChunkDirectory(layers, nothingBuried);
  }

  /** The directory after rows came and others went. */
  async with(
    added: readonly DirectoryLayer[],
    gone: readonly number[],
    pace: Breather,
  ): Promise<ChunkDirectory> {
    const buried = gone.length === 0 ? this.buried : new Set([...this.buried, ...gone]);
    const mergeAll = buried.size > buriedMax;
    const layers = [...this.layers, ...added];
    while (layers.length > 1) {
      const newer = layers[layers.length - 1]!;
      const older = layers[layers.length - 2]!;
      if (!mergeAll && older.count > newer.count * layerRatio) break;
      layers.splice(-2, 2, await mergeLayers(older, newer, buried, pace));
    }
    if (!mergeAll) return new ChunkDirectory(layers, buried);
    const last = layers[0];
    const nothing = new DirectoryLayer(0);
    const all = last === undefined ? [] : [await mergeLayers(last, nothing, buried, pace)];
    return new ChunkDirectory(all, nothingBuried);
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
    return this.layers.reduce((sum, layer) => sum + layer.capacity * 70, 0);
  }

  get chunkCount(): number {
    return this.layers.reduce((sum, layer) => sum + layer.count, 0);
  }
}
