/**
 * Where rows of one series in one partition are: chunks and memtable segments, with their bounds, before
 * anything is decoded. And the step from such a source to a piece.
 */

import { hash64Into } from '../../base/hash.ts';
import type { Column } from '../../model/column.ts';
import type { PointsFrame } from '../../model/frame-decode.ts';
import { type ChunkColumn, decodeColumn, decodeStamps, decodeTimes } from '../chunk/chunk.ts';
import { afterAllOrigins, type StampRuns } from '../chunk/stamp-runs.ts';
import type { StampRule } from '../flush/stamp-rule.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import type { MemFrame } from '../memtable/memtable.ts';
import { readSegment, type Span } from '../memtable/segment-piece.ts';
import type { NumberedHiding } from '../merge/hidings.ts';
import { cutPiece, type Piece } from '../merge/piece.ts';
import type { DirectoryLayer } from '../partition/chunk-directory.ts';
import { namingRow, type PartitionFile, readChunk } from '../partition/partition-file.ts';
import { damaged } from '../partition/partition-schema.ts';
import type { CachedChunk } from '../read-cache.ts';
import type { StoreState } from '../store/store-state.ts';
import type { FileView, PartitionView, PartView } from '../store/store-view.ts';

export interface ChunkSource {
  readonly kind: 'chunk';
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly file: PartitionFile;
  readonly layer: DirectoryLayer;
  readonly at: number;
}

export interface SegmentSource {
  readonly kind: 'segment';
  readonly min: number;
  readonly max: number;
  readonly count: number;
  readonly frame: MemFrame;
  readonly series: number;
}

/** Offsets of first and last row from the partition's start, ns; `count` rows at most. */
export type Source = ChunkSource | SegmentSource;

/** The field a scan wants, by its numbers here and there. */
export interface WantedField {
  readonly name: string;
  readonly type: Column['type'];
}

function addSegments(
  sources: Source[],
  { part, limit }: PartView,
  slot: number,
  partition: PartitionView,
  span: Span,
): void {
  const startLow = Number(BigInt.asUintN(32, span.start));
  const startHigh = Number(span.start >> 32n);
  for (let s = part.newest(slot, limit); s >= 0; s = part.older(s)) {
    const frame = part.frame(s);
    // Replayed, or flushed while this view was being opened: the files have it.
    if (frame.lsn <= partition.lsn) continue;
    const series = part.seriesInFrame(s);
    const { points } = frame;
    const count = points.rowCount(series);
    const first = points.timesOffset(series);
    const min = offsetAt(points, first, startLow, startHigh);
    const max = offsetAt(points, first + (count - 1) * 8, startLow, startHigh);
    if (min > span.max || max < span.min) continue;
    sources.push({
      kind: 'segment',
      min: Math.max(min, span.min),
      max: Math.min(max, span.max),
      count,
      frame,
      series,
    });
  }
}

function offsetAt(points: PointsFrame, at: number, startLow: number, startHigh: number): number {
  const words = points.uint32;
  return ((words[at / 4 + 1]! | 0) - startHigh) * 4294967296 + (words[at / 4]! - startLow);
}

const keyHash = new Uint32Array(2);

function addChunks(
  sources: Source[],
  { file, directory }: FileView,
  { seriesId, slot, index }: SeriesPlace,
  span: Span,
): void {
  let checked = false;
  directory.forSeries(seriesId, (layer, at) => {
    const min = layer.mins[at]!;
    const max = layer.maxs[at]!;
    if (min > span.max || max < span.min) return;
    if (!checked) hash64Into(index.keyOf(slot), keyHash);
    checked = true;
    const isOwner =
      layer.keyHashes[at * 2] === keyHash[0] && layer.keyHashes[at * 2 + 1] === keyHash[1];
    if (!isOwner) throw damaged(file.path, `row ${layer.rowNos[at]}: a chunk of another series`);
    sources.push({ kind: 'chunk', min, max, count: layer.pointCounts[at]!, file, layer, at });
  });
}

/** A series as its store and its files know it. */
export interface SeriesPlace {
  readonly slot: number;
  /** 0 = in no file. */
  readonly seriesId: number;
  readonly index: DatabaseIndex;
}

/** All sources of the series with rows in the span, by first offset. Errors: `corrupt`. */
export function findSources(
  parts: readonly PartView[],
  partition: PartitionView,
  place: SeriesPlace,
  span: Span,
): Source[] {
  const sources: Source[] = [];
  if (place.seriesId !== 0) {
    for (const file of partition.files) addChunks(sources, file, place, span);
  }
  for (const part of parts) {
    addSegments(sources, part, place.slot, partition, span);
  }
  if (sources.length > 1) sources.sort((a, b) => a.min - b.min);
  return sources;
}

function decodedTimes(chunk: CachedChunk, state: StoreState, key: number): Float64Array {
  if (chunk.times === undefined) {
    chunk.times = decodeTimes(chunk.view);
    if (chunk.isKept) state.options.cache.grow(key, chunk.times.byteLength);
  }
  return chunk.times;
}

function sizeOf(column: Column): number {
  const cells = column.type === 'string' ? column.codes.byteLength : column.values.byteLength;
  return cells + (column.valid?.byteLength ?? 0);
}

function decodedColumn(chunk: CachedChunk, index: number, state: StoreState, key: number): Column {
  let column = chunk.columns[index];
  if (column === undefined) {
    column = decodeColumn(chunk.view, index);
    chunk.columns[index] = column;
    if (chunk.isKept) state.options.cache.grow(key, sizeOf(column));
  }
  return column;
}

/** Origins of a chunk as numbers of the store. */
function translateStamps(runs: StampRuns, names: readonly string[], state: StoreState): StampRuns {
  const origins = runs.origins.map((origin) =>
    origin === afterAllOrigins ? origin : state.origins.numberOf(names[origin]!),
  );
  return { ends: runs.ends, hlcs: runs.hlcs, origins };
}

/** Places of the wanted fields among a chunk's columns; -1 = not there. */
export function columnPlaces(
  chunk: CachedChunk,
  file: PartitionFile,
  { measurement, fields }: Wanted,
): number[] {
  return fields.map(({ name, type }) => {
    const field = file.fields.find(measurement, name, type);
    return field === undefined ? -1 : placeOf(chunk.view.columns, field.no);
  });
}

/** By halving: columns ascend by field. -1 = not there. */
function placeOf(columns: readonly ChunkColumn[], field: number): number {
  let from = 0;
  let until = columns.length;
  while (from < until) {
    const middle = (from + until) >>> 1;
    if (columns[middle]!.field < field) from = middle + 1;
    else until = middle;
  }
  return columns[from]?.field === field ? from : -1;
}

export function openSource(source: ChunkSource, state: StoreState): CachedChunk {
  return readChunk(source.file, source.layer, source.at, state.options);
}

function chunkPiece(
  source: ChunkSource,
  state: StoreState,
  wanted: Wanted,
  hidings: readonly NumberedHiding[],
): Piece {
  const rowNo = source.layer.rowNos[source.at]!;
  return namingRow(source.file, rowNo, () => decodePiece(source, state, wanted, hidings));
}

function decodePiece(
  source: ChunkSource,
  state: StoreState,
  wanted: Wanted,
  hidings: readonly NumberedHiding[],
): Piece {
  const chunk = openSource(source, state);
  const { layer, at, file } = source;
  const key = file.cacheKey(layer.rowNos[at]!);
  const places = columnPlaces(chunk, file, wanted);
  const columns = places.map((place) =>
    place < 0 ? undefined : decodedColumn(chunk, place, state, key),
  );
  const isStamped = layer.stamped[at] === 1;
  const stamps = isStamped
    ? places.map((place) => {
        const runs = place < 0 ? undefined : decodeStamps(chunk.view, place);
        return runs && translateStamps(runs, chunk.view.origins, state);
      })
    : undefined;
  return {
    offsets: decodedTimes(chunk, state, key),
    columns,
    // Switched off only in a test of the rule.
    hlc: state.rule.value ? chunk.view.stableHlc : 0,
    origin: state.rule.value ? afterAllOrigins : 0,
    stamps,
    age: file.meta.fileId * 4294967296 + layer.rowNos[at]!,
    hidings,
  };
}

export interface Wanted {
  readonly measurement: string;
  readonly fields: readonly WantedField[];
  /** Numbers of the fields in the store's `FieldNames`. */
  readonly numbers: readonly number[];
}

/** Tombstones that may hide cells of the source. */
export function hidingsOfSource(
  source: Source,
  hidings: readonly NumberedHiding[],
  rule: StampRule,
): readonly NumberedHiding[] {
  if (hidings.length === 0) return hidings;
  return hidings.filter((hiding) => {
    if (hiding.minOffset > source.max || hiding.maxOffset < source.min) return false;
    if (source.kind === 'segment') return hiding.hlc >= source.frame.hlc;
    // The numbers only save work, and rest on the value of a row without a stamp.
    if (!rule.value) return true;
    const { layer, at } = source;
    return hiding.no > layer.tombstoneNos[at]! && hiding.hlc >= layer.hlcMins[at]!;
  });
}

/** Undefined = no row in the span after all. Errors: `corrupt`. */
export function loadPiece(
  source: Source,
  state: StoreState,
  wanted: Wanted,
  span: Span,
  hidings: readonly NumberedHiding[],
): Piece | undefined {
  const own = hidingsOfSource(source, hidings, state.rule);
  if (source.kind === 'segment') {
    return readSegment(source.frame, source.series, wanted.numbers, span, own);
  }
  return cutPiece(chunkPiece(source, state, wanted, own), span.min, span.max);
}

/** Runs of sources that overlap each other, in order of time: [from, until) of each. */
export function clusterSources(sources: readonly Source[]): [number, number][] {
  const clusters: [number, number][] = [];
  let from = 0;
  let max = -1;
  sources.forEach((source, i) => {
    if (i > from && source.min > max) {
      clusters.push([from, i]);
      from = i;
    }
    max = i === from ? source.max : Math.max(max, source.max);
  });
  if (sources.length > 0) clusters.push([from, sources.length]);
  return clusters;
}
