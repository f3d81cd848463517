/**
 * Whether a series has data, as far as the index and the bounds of its chunks tell. A chunk that a
 * tombstone covers only in part counts as data: compaction settles that.
 */

import type { SchemaPlan } from '../../model/plan.ts';
import { decodeSeriesKey } from '../../model/series-key.ts';
import { allTime } from '../../model/time.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import type { NumberedHiding } from '../merge/hidings.ts';
import { hidingsOf } from '../merge/hidings.ts';
import type { PartitionView, StoreView } from '../store/store-view.ts';
import { spanOf } from './partition-scan.ts';
import { findSources, hidingsOfSource, type Source } from './series-sources.ts';

/** One tombstone alone hides every cell of the source, whatever its times are. */
function isHidden(source: Source, hidings: readonly NumberedHiding[], view: StoreView): boolean {
  const { origins } = view.state;
  return hidingsOfSource(source, hidings, view.state.rule).some((hiding) => {
    if (hiding.minOffset > source.min || hiding.maxOffset < source.max) return false;
    if (source.kind === 'segment') {
      const { hlc, origin } = source.frame;
      return hiding.hlc > hlc || (hiding.hlc === hlc && origins.compare(hiding.origin, origin) > 0);
    }
    const { layer, at } = source;
    return layer.stamped[at] === 0 && hiding.hlc > layer.stableHlcs[at]!;
  });
}

function isPlainGap({ files, tombstones }: PartitionView): boolean {
  return files.length === 0 && tombstones.length === 0;
}

/** By halving: partitions ascend. */
function partitionAt(
  partitions: readonly PartitionView[],
  time: bigint,
): PartitionView | undefined {
  let from = 0;
  let until = partitions.length;
  while (from < until) {
    const middle = (from + until) >>> 1;
    if (partitions[middle]!.bounds.end <= time) from = middle + 1;
    else until = middle;
  }
  const found = partitions[from];
  return found !== undefined && found.bounds.start <= time ? found : undefined;
}

export class LiveSeries {
  private readonly views: readonly StoreView[];
  private readonly index: DatabaseIndex;
  /** Every series of the index has data somewhere, and nothing narrows where it must be. */
  private readonly isTrivial: boolean;
  private readonly range: SchemaPlan['range'];

  constructor(views: readonly StoreView[], index: DatabaseIndex, plan: SchemaPlan) {
    this.views = views;
    this.index = index;
    this.range = plan.range;
    const narrowed = plan.rpId !== undefined || plan.range !== undefined;
    const hidden = views.some(({ partitions }) => partitions.some((p) => p.tombstones.length > 0));
    // Rows that went leave their series in the index until the next sweep.
    const swept = views.every(({ state }) => !state.sweepNeeded && !state.sweepUnfinished);
    this.isTrivial = !narrowed && !hidden && swept;
  }

  isLive(slot: number): boolean {
    if (this.isTrivial) return true;
    return this.views.some((view) => this.hasSource(view, slot));
  }

  private hasSource(view: StoreView, slot: number): boolean {
    const key = this.index.keyOf(slot);
    const place = { slot, seriesId: this.index.idOf(slot), index: this.index };
    let hasGaps = false;
    for (const partition of view.partitions) {
      if (isPlainGap(partition)) {
        hasGaps = true;
        continue;
      }
      const span = spanOf(partition, this.range ?? allTime);
      if (span === undefined) continue;
      const sources = findSources(view.parts, partition, place, span);
      if (sources.length === 0) continue;
      if (partition.tombstones.length === 0) return true;
      const name = decodeSeriesKey(key);
      const { origins } = view.state;
      const hidings = hidingsOf(partition.tombstones, name, partition.bounds, origins);
      if (sources.some((source) => !isHidden(source, hidings, view))) return true;
    }
    return hasGaps && this.isInGaps(view, slot);
  }

  /** Whether a row in memory lies where no file and no tombstone is. */
  private isInGaps({ parts, partitions }: StoreView, slot: number): boolean {
    const { min, max } = this.range ?? allTime;
    for (const { part, limit } of parts) {
      for (let s = part.newest(slot, limit); s >= 0; s = part.older(s)) {
        const { points } = part.frame(s);
        const series = part.seriesInFrame(s);
        const times = points.times(series);
        for (const time of times) {
          if (time < min || time > max) continue;
          const partition = partitionAt(partitions, time);
          if (partition !== undefined && isPlainGap(partition)) return true;
        }
      }
    }
    return false;
  }
}
