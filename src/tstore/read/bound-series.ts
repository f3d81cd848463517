/** The series of a plan over several stores, bound and in groups. */

import type { ShardPlan } from '../../model/plan.ts';
import { decodeSeriesKey, formatSeriesName } from '../../model/series-key.ts';
import type { SeriesBinding, ShardScan } from '../../scan/scan.ts';
import { selectSlots } from '../index/select-series.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreView } from '../store/store-view.ts';
import type { SeriesPlace } from './series-sources.ts';
import { compareText, sortInSlices } from './text-order.ts';

export interface BoundSeries extends SeriesPlace {
  readonly view: StoreView;
  readonly binding: SeriesBinding;
}

/** Series with equal values of the dimensions, by key. */
export interface SeriesGroup {
  readonly key: string;
  readonly series: BoundSeries[];
}

async function bindStore(
  view: StoreView,
  plan: ShardPlan,
  scan: ShardScan,
  groups: Map<string, SeriesGroup>,
  pacer: Pacer,
): Promise<void> {
  const index = view.state.databases.get(plan.dbId);
  const measurement = index?.measurements.get(plan.measurement);
  if (index === undefined || measurement === undefined) return;
  for (const slot of selectSlots(measurement, plan.where)) {
    if (pacer.isDue) await pacer.breathe();
    const name = decodeSeriesKey(index.keyOf(slot));
    const binding = scan.bindSeries(name, formatSeriesName(name));
    if (binding === undefined) continue;
    let group = groups.get(binding.groupKey);
    if (group === undefined) {
      group = { key: binding.groupKey, series: [] };
      groups.set(binding.groupKey, group);
    }
    group.series.push({ view, index, slot, seriesId: index.idOf(slot), binding });
  }
}

/** Groups in the order of the plan, series of a group by key. Errors: `cancelled`. */
export async function bindGroups(
  views: readonly StoreView[],
  plan: ShardPlan,
  scan: ShardScan,
  pacer: Pacer,
): Promise<SeriesGroup[]> {
  const groups = new Map<string, SeriesGroup>();
  for (const view of views) await bindStore(view, plan, scan, groups, pacer);
  const sign = plan.descending ? -1 : 1;
  return sortInSlices([...groups.values()], (a, b) => sign * compareText(a.key, b.key), pacer);
}

export function sortSeries(group: SeriesGroup, pacer: Pacer): Promise<BoundSeries[]> {
  return sortInSlices(
    group.series,
    (a, b) => compareText(a.binding.seriesKey, b.binding.seriesKey),
    pacer,
  );
}
