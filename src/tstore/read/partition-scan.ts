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
import type { Pacer } from '../store/pacer.ts';
import type { PartitionView } from '../store/store-view.ts';
import { rowsForCells, type ScanMemory } from './scan-memory.ts';
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
import { cutIntoSlices } from './time-slices.ts';

/** Small neighbours from memory are joined up to this many rows, fewer of many columns. */
const joinedRowsMax = 4096;
/** Rows resolved in one go, fewer of many columns. */
const sliceRowsMax = 16_384;

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
  const { start } = span;
  if (!group.takesSpan(start + BigInt(source.min), start + BigInt(source.max))) return false;
  const { series } = located;
  if (hidingsOfSource(source, located.hidings, series.view.state.rule).length > 0) return false;
  const chunk = openSource(source, series.view.state);
  const places = columnPlaces(chunk, source.file, wanted);
  const summaries: (ColumnSummary | undefined)[] = [];
  for (const place of places) {
    const summary = place < 0 ? undefined : chunk.view.columns[place]!.summary;
    if (place >= 0 && summary === undefined) return false;
    summaries.push(summary);
  }
  return group.addSummaries(series.binding, span.start, summaries);
}

export interface Aggregation {
  readonly scan: ShardScan;
  readonly group: GroupScan;
  readonly descending: boolean;
  readonly pacer: Pacer;
  readonly memory: ScanMemory;
}

/** Sources of one series waiting to be read together, in the order of the scan. */
class Reading {
  private readonly located: SeriesInPartition;
  private readonly wanted: Wanted;
  private readonly span: Span;
  private readonly aggregation: Aggregation;
  private sources: Source[] = [];
  private rows = 0;

  constructor(located: SeriesInPartition, wanted: Wanted, span: Span, aggregation: Aggregation) {
    this.located = located;
    this.wanted = wanted;
    this.span = span;
    this.aggregation = aggregation;
  }

  get isLong(): boolean {
    return this.rows >= rowsForCells(this.wanted.fields.length, joinedRowsMax);
  }

  add(sources: readonly Source[]): void {
    this.sources.push(...sources);
    for (const { count } of sources) this.rows += count;
  }

  /** Many rows that overlap are resolved in slices of time, so that others run in between; undefined = done at once. */
  finish(): Promise<void> | undefined {
    const { sources, rows, span } = this;
    this.sources = [];
    this.rows = 0;
    if (sources.length === 0) return undefined;
    const rowsMax = rowsForCells(this.wanted.fields.length, sliceRowsMax);
    if (rows > rowsMax) return this.readInSlices(sources, rowsMax);
    this.read(sources, span);
    return undefined;
  }

  private async readInSlices(sources: readonly Source[], rowsMax: number): Promise<void> {
    const { span } = this;
    const min = Math.max(span.min, Math.min(...sources.map((source) => source.min)));
    const max = Math.min(span.max, Math.max(...sources.map((source) => source.max)));
    const slices = cutIntoSlices(sources, min, max, rowsMax);
    if (this.aggregation.descending) slices.reverse();
    for (const slice of slices) {
      const near = sources.filter((one) => one.min <= slice.max && one.max >= slice.min);
      this.read(near, { start: span.start, ...slice });
      await this.aggregation.pacer.breathe();
    }
  }

  private read(sources: readonly Source[], span: Span): void {
    const batch = resolveSources(this.located, sources, this.wanted, span);
    if (batch === undefined) return;
    const { group, memory } = this.aggregation;
    group.addBatch(this.located.series.binding, batch);
    memory.note(group);
  }
}

/**
 * Feeds an aggregation with one series of one partition. Undefined = done at once, as most are: of many series each wait
 * would cost as much as the work.
 */
export function aggregateSeries(
  located: SeriesInPartition,
  wanted: Wanted,
  span: Span,
  aggregation: Aggregation,
): Promise<void> | undefined {
  const { series, sources } = located;
  if (sources.length !== 1) return aggregateClusters(located, wanted, span, aggregation);
  const { scan, group } = aggregation;
  const only = sources[0]!;
  const mayUse = only.kind === 'chunk' && scan.summariesUseful(series.binding);
  if (mayUse && trySummaries(located, only, wanted, span, group)) return undefined;
  const reading = new Reading(located, wanted, span, aggregation);
  reading.add(sources);
  return reading.finish();
}

async function aggregateClusters(
  located: SeriesInPartition,
  wanted: Wanted,
  span: Span,
  aggregation: Aggregation,
): Promise<void> {
  const { series, sources } = located;
  const { scan, group, pacer } = aggregation;
  const mayUse = scan.summariesUseful(series.binding);
  const clusters = clusterSources(sources);
  if (aggregation.descending) clusters.reverse();
  const reading = new Reading(located, wanted, span, aggregation);
  for (const [from, until] of clusters) {
    if (pacer.isDue) await pacer.breathe();
    const cluster = sources.slice(from, until);
    const only = cluster.length === 1 ? cluster[0]! : undefined;
    if (only?.kind === 'segment') {
      reading.add(cluster);
      if (reading.isLong) await reading.finish();
      continue;
    }
    await reading.finish();
    if (mayUse && only !== undefined && trySummaries(located, only, wanted, span, group)) continue;
    reading.add(cluster);
    await reading.finish();
  }
  await reading.finish();
}
