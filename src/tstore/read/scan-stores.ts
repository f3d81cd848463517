/** Runs a shard plan over the series of several stores as one set: groups in order, rows in time order. */

import type { ScanBlock, ShardPlan } from '../../model/plan.ts';
import type { TimeRange } from '../../model/time.ts';
import { createShardScan, type GroupScan, type ShardScan } from '../../scan/scan.ts';
import type { ScanControl } from '../contract.ts';
import type { Span } from '../memtable/segment-piece.ts';
import { noteDamage } from '../store/damage.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { openView, type PartitionView, type StoreView } from '../store/store-view.ts';
import {
  aggregateSeries,
  locateSeries,
  resolveSources,
  type SeriesInPartition,
  spanOf,
} from './partition-scan.ts';
import { type BoundSeries, PlanSeries, type SeriesGroup } from './series-groups.ts';
import type { Wanted } from './series-sources.ts';
import { cutIntoSlices, type Slice } from './time-slices.ts';

const sliceRowsMax = 65_536;
/** A limited scan starts with short slices and lengthens them. */
const sliceRowsMin = 512;
const sliceGrowth = 8;

interface Run {
  readonly plan: ShardPlan;
  readonly scan: ShardScan;
  readonly pacer: Pacer;
  readonly series: PlanSeries;
  readonly spans: ReadonlyMap<StoreView, readonly PartitionSpan[]>;
}

function wantedOf(state: StoreState, { plan, scan }: Run): Wanted {
  return {
    measurement: plan.measurement,
    fields: scan.fields,
    numbers: scan.fields.map(({ name, type }) => state.fieldNames.find(name, type)),
  };
}

class WantedByStore {
  private readonly run: Run;
  private readonly known = new Map<StoreState, Wanted>();

  constructor(run: Run) {
    this.run = run;
  }

  of(state: StoreState): Wanted {
    let wanted = this.known.get(state);
    if (wanted === undefined) {
      wanted = wantedOf(state, this.run);
      this.known.set(state, wanted);
    }
    return wanted;
  }
}

/** A group is opened when a series of it can count at all. */
async function* aggregateGroup(
  { of, members }: Members,
  run: Run,
  wanted: WantedByStore,
): AsyncGenerator<ScanBlock> {
  const { plan, scan, pacer } = run;
  let group: GroupScan | undefined;
  for (const member of members) {
    if (pacer.isDue) await pacer.breathe();
    const series = run.series.bind(member, of);
    if (series === undefined) continue;
    group ??= scan.openGroup(series.binding.group);
    const aggregation = { scan, group, descending: plan.descending, pacer };
    for (const { partition, span } of run.spans.get(series.view)!) {
      const located = locateSeries(series, partition, span);
      if (located === undefined) continue;
      await aggregateSeries(located, wanted.of(series.view.state), span, aggregation);
      if (pacer.isDue) await pacer.breathe();
    }
  }
  if (group !== undefined) yield* group.finish();
}

/** The series of a group in the order in which they are read. */
interface Members {
  readonly of: SeriesGroup;
  readonly members: readonly number[];
}

interface PartitionSpan {
  readonly partition: PartitionView;
  readonly span: Span;
}

/** Partitions with rows in the plan's range, in the order of the plan. */
function spansOf({ partitions }: StoreView, { range, descending }: ShardPlan): PartitionSpan[] {
  const spans: PartitionSpan[] = [];
  for (const partition of partitions) {
    const span = spanOf(partition, range);
    if (span !== undefined) spans.push({ partition, span });
  }
  return descending ? spans.reverse() : spans;
}

/** Stretches of time that no partition of any store crosses: between them rows need no merging. */
function commonStretches(views: readonly StoreView[], range: TimeRange): TimeRange[] {
  const edges = new Set<bigint>();
  for (const { partitions } of views) {
    for (const { bounds } of partitions) {
      if (bounds.start > range.min && bounds.start <= range.max) edges.add(bounds.start);
      if (bounds.end > range.min && bounds.end <= range.max) edges.add(bounds.end);
    }
  }
  const sorted = [...edges].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const stretches: TimeRange[] = [];
  let min = range.min;
  for (const edge of sorted) {
    stretches.push({ min, max: edge - 1n });
    min = edge;
  }
  stretches.push({ min, max: range.max });
  return stretches;
}

interface Located {
  readonly inPartition: SeriesInPartition;
  readonly start: bigint;
}

async function locateAll(
  series: readonly BoundSeries[],
  stretch: TimeRange,
  pacer: Pacer,
): Promise<Located[]> {
  const found: Located[] = [];
  for (const one of series) {
    if (pacer.isDue) await pacer.breathe();
    for (const partition of one.view.partitions) {
      const span = spanOf(partition, stretch);
      const inPartition = span && locateSeries(one, partition, span);
      if (inPartition === undefined || span === undefined) continue;
      found.push({ inPartition, start: span.start });
    }
  }
  return found;
}

/** Slices of a stretch in the order of the plan, as offsets from the stretch's least time. */
function sliceStretch(located: readonly Located[], stretch: TimeRange, rowsMax: number): Slice[] {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  const size = Number(stretch.max - stretch.min);
  const weights = located.flatMap(({ inPartition, start }) => {
    const shift = Number(start - stretch.min);
    return inPartition.sources.map((source) => {
      // A chunk may reach beyond the stretch; its rows outside are not asked for.
      const from = Math.max(0, source.min + shift);
      const weight = { min: from, max: Math.min(size, source.max + shift), count: source.count };
      min = Math.min(min, weight.min);
      max = Math.max(max, weight.max);
      return weight;
    });
  });
  return weights.length === 0 ? [] : cutIntoSlices(weights, min, max, rowsMax);
}

async function readSlice(
  located: readonly Located[],
  slice: TimeRange,
  group: GroupScan,
  run: Run,
  wanted: WantedByStore,
): Promise<void> {
  for (const { inPartition, start } of located) {
    const min = Number(slice.min - start);
    const max = Number(slice.max - start);
    const near = inPartition.sources.filter((source) => source.min <= max && source.max >= min);
    if (near.length === 0) continue;
    const { series } = inPartition;
    const span = { start, min: Math.max(0, min), max };
    const batch = resolveSources(inPartition, near, wanted.of(series.view.state), span);
    if (batch !== undefined) group.addBatch(series.binding, batch);
    if (run.pacer.isDue) await run.pacer.breathe();
  }
}

async function bindAll({ of, members }: Members, run: Run): Promise<BoundSeries[]> {
  const found: BoundSeries[] = [];
  for (const member of members) {
    if (run.pacer.isDue) await run.pacer.breathe();
    const series = run.series.bind(member, of);
    if (series !== undefined) found.push(series);
  }
  return found;
}

async function* readGroup(
  members: Members,
  stretches: readonly TimeRange[],
  run: Run,
  wanted: WantedByStore,
): AsyncGenerator<ScanBlock> {
  const { plan, scan, pacer } = run;
  const series = await bindAll(members, run);
  const first = series[0];
  if (first === undefined) return;
  const group = scan.openGroup(first.binding.group);
  const isLimited = plan.output.kind === 'raw' && plan.output.rowLimit > 0;
  let rowsMax = isLimited ? sliceRowsMin : sliceRowsMax;
  for (const stretch of stretches) {
    if (group.isFull) break;
    const located = await locateAll(series, stretch, pacer);
    const slices = sliceStretch(located, stretch, rowsMax);
    if (plan.descending) slices.reverse();
    for (const { min, max } of slices) {
      const slice = { min: stretch.min + BigInt(min), max: stretch.min + BigInt(max) };
      await readSlice(located, slice, group, run, wanted);
      yield* group.drain();
      if (group.isFull) break;
    }
    rowsMax = Math.min(sliceRowsMax, rowsMax * sliceGrowth);
  }
  yield* group.finish();
}

async function* runPlan(
  views: readonly StoreView[],
  plan: ShardPlan,
  pacer: Pacer,
): AsyncGenerator<ScanBlock> {
  const scan = createShardScan(plan);
  const spans = new Map(views.map((view) => [view, spansOf(view, plan)]));
  const run: Run = { plan, scan, pacer, series: new PlanSeries(views, plan, scan), spans };
  const wanted = new WantedByStore(run);
  const stretches = commonStretches(views, plan.range);
  if (plan.descending) stretches.reverse();
  const isAggregate = plan.output.kind === 'aggregate';
  for (const group of await run.series.findGroups(pacer)) {
    pacer.check();
    const members = { of: group, members: await run.series.sortMembers(group, pacer) };
    if (isAggregate) yield* aggregateGroup(members, run, wanted);
    else yield* readGroup(members, stretches, run, wanted);
    if (pacer.isDue) await pacer.breathe();
  }
}

export async function* scanStates(
  states: readonly StoreState[],
  plan: ShardPlan,
  control: ScanControl,
): AsyncGenerator<ScanBlock> {
  const pacer = new Pacer(control.env, control.signal);
  pacer.check();
  const views: StoreView[] = [];
  try {
    for (const state of states) views.push(await openView(state, plan, pacer));
    yield* runPlan(views, plan, pacer);
  } catch (error) {
    for (const state of states) noteDamage(state, error);
    throw error;
  } finally {
    for (const view of views) view.release();
  }
}
