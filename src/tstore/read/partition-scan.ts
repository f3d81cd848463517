/** One series in one partition: from its sources to batches of resolved rows. */

import type { ColumnBatch } from '../../model/column.ts';
import { decodeSeriesKey } from '../../model/series-key.ts';
import type { TimeRange } from '../../model/time.ts';
import type { ColumnSummary } from '../../scan/column-summary.ts';
import type { GroupScan, ShardScan } from '../../scan/scan.ts';
import type { Span } from '../memtable/segment-piece.ts';
import { combinePieces } from '../merge/combine.ts';
import { hidingsOf, type NumberedHiding } from '../merge/hidings.ts';
import type { Piece } from '../merge/piece.ts';
import type { PartitionView } from '../store/store-view.ts';
import type { BoundSeries } from './series-groups.ts';
import {
  type ChunkSource,
  clusterSources,
  columnPlaces,
  findSources,
  hidingsOfSource,
  loadPiece,
  openSource,
  type Source,
  type Wanted,
} from './series-sources.ts';

/** Small neighbours from memory are joined up to this many rows. */
const joinedRowsMax = 4096;

/** The part of a range that lies in a partition; undefined = none. */
export function spanOf(partition: PartitionView, range: TimeRange): Span | undefined {
  const { start, end } = partition.bounds;
  const min = range.min > start ? range.min : start;
  const max = range.max < end ? range.max : end - 1n;
  if (min > max) return undefined;
  return { start, min: Number(min - start), max: Number(max - start) };
}

export interface SeriesInPartition {
  readonly series: BoundSeries;
  readonly sources: readonly Source[];
  readonly hidings: readonly NumberedHiding[];
}

export function locateSeries(
  series: BoundSeries,
  partition: PartitionView,
  span: Span,
): SeriesInPartition | undefined {
  const { state, parts } = series.view;
  const sources = findSources(parts, partition, series, span);
  if (sources.length === 0) return undefined;
  const { tombstones, bounds } = partition;
  if (tombstones.length === 0) return { series, sources, hidings: [] };
  const name = decodeSeriesKey(series.index.keyOf(series.slot));
  const hidings = hidingsOf(tombstones, name, bounds, state.origins);
  return { series, sources, hidings };
}

/** Resolved rows of the sources inside the span; undefined = none. */
export function resolveSources(
  located: SeriesInPartition,
  sources: readonly Source[],
  wanted: Wanted,
  span: Span,
): ColumnBatch | undefined {
  const { state } = located.series.view;
  const pieces: Piece[] = [];
  for (const source of sources) {
    const piece = loadPiece(source, state, wanted, span, located.hidings);
    if (piece !== undefined) pieces.push(piece);
  }
  if (pieces.length === 0) return undefined;
  const { offsets, columns } = combinePieces(pieces, wanted.fields.length, state.origins, false);
  return { rowCount: offsets.length, base: span.start, offsets, columns };
}

/** Answers a whole chunk from its summaries if the scan can use them. */
function trySummaries(
  located: SeriesInPartition,
  source: ChunkSource,
  wanted: Wanted,
  span: Span,
  group: GroupScan,
): boolean {
  if (source.min < span.min || source.max > span.max) return false;
  const { series } = located;
  if (hidingsOfSource(source, located.hidings, series.view.state.rule).length > 0) return false;
  const chunk = openSource(source, series.view.state);
  const places = columnPlaces(chunk, source.file, wanted.measurement, wanted.fields);
  const summaries: (ColumnSummary | undefined)[] = [];
  for (const place of places) {
    const summary = place < 0 ? undefined : chunk.view.columns[place]!.summary;
    if (place >= 0 && summary === undefined) return false;
    summaries.push(summary);
  }
  return group.addSummaries(series.binding, span.start, summaries);
}

function isSmallNeighbour(sources: readonly Source[]): boolean {
  return sources.length === 1 && sources[0]!.kind === 'segment';
}

export interface Aggregation {
  readonly scan: ShardScan;
  readonly group: GroupScan;
  readonly descending: boolean;
}

/** Feeds an aggregation with one series of one partition. */
export function aggregateSeries(
  located: SeriesInPartition,
  wanted: Wanted,
  span: Span,
  { scan, group, descending }: Aggregation,
): void {
  const { series, sources } = located;
  const mayUse = scan.summariesUseful(series.binding);
  const clusters = clusterSources(sources);
  if (descending) clusters.reverse();
  let waiting: Source[] = [];
  let waitingRows = 0;
  const flush = () => {
    if (waiting.length === 0) return;
    const batch = resolveSources(located, waiting, wanted, span);
    if (batch !== undefined) group.addBatch(series.binding, batch);
    waiting = [];
    waitingRows = 0;
  };
  for (const [from, until] of clusters) {
    const cluster = sources.slice(from, until);
    const first = cluster[0]!;
    if (isSmallNeighbour(cluster)) {
      waiting.push(first);
      waitingRows += first.count;
      if (waitingRows >= joinedRowsMax) flush();
      continue;
    }
    flush();
    if (mayUse && cluster.length === 1 && first.kind === 'chunk') {
      if (trySummaries(located, first, wanted, span, group)) continue;
    }
    waiting = cluster;
    flush();
  }
  flush();
}
