/** Runs a shard plan over the series of several stores as one set: groups in order, rows in time order. */

import { HeldMemory, type MemoryAccount } from '../../base/memory-budget.ts';
import type { ScanBlock, ShardPlan } from '../../model/plan.ts';
import type { TimeRange } from '../../model/time.ts';
import { type ListedTag, listedTags } from '../../scan/listed-values.ts';
import { createShardScan, type GroupScan } from '../../scan/scan.ts';
import type { ScanControl } from '../contract.ts';
import { excludesAll } from '../index/select-series.ts';
import { noteDamage } from '../store/damage.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { openView, type StoreView } from '../store/store-view.ts';
import { aggregateSeries, locateSeries, spanOf } from './partition-scan.ts';
import { readRows } from './read-rows.ts';
import { partitionBytes, ScanMemory } from './scan-memory.ts';
import { type Members, type PartitionSpan, type ScanRun, WantedByStore } from './scan-run.ts';
import { PlanSeries } from './series-groups.ts';

/** A group is opened when a series of it can count at all. */
async function aggregateGroup({ of, members }: Members, run: ScanRun): Promise<ScanBlock[]> {
  const { plan, scan, pacer, memory, wanted } = run;
  let group: GroupScan | undefined;
  for (const member of members) {
    if (pacer.isDue) await pacer.breathe();
    const series = run.series.bind(member, of);
    if (series === undefined) continue;
    group ??= scan.openGroup(series.binding.group);
    const aggregation = { scan, group, descending: plan.descending, pacer, memory };
    for (const { partition, span } of run.spans.get(series.view)!) {
      if (pacer.isDue) await pacer.breathe();
      const located = locateSeries(series, partition, span);
      if (located === undefined) continue;
      const rest = aggregateSeries(located, wanted.of(series.view.state), span, aggregation);
      if (rest !== undefined) await rest;
      memory.note(group);
    }
  }
  return group?.finish() ?? [];
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

async function* runPlan(
  views: readonly StoreView[],
  plan: ShardPlan,
  pacer: Pacer,
  account: MemoryAccount | undefined,
): AsyncGenerator<ScanBlock> {
  const scan = createShardScan(plan);
  const spans = new Map(views.map((view) => [view, spansOf(view, plan)]));
  const series = new PlanSeries(views, plan, scan);
  const wanted = new WantedByStore(plan, scan);
  const memory = new ScanMemory(account, scan.fields.length);
  const run: ScanRun = { plan, scan, pacer, series, spans, wanted, memory };
  const heldGroups = new HeldMemory(account);
  const stretches = commonStretches(views, plan.range);
  if (plan.descending) stretches.reverse();
  const isAggregate = plan.output.kind === 'aggregate';
  for (const group of await series.findGroups(pacer, heldGroups)) {
    pacer.check();
    const isOne = group.members.length === 1;
    const sorted = isOne ? group.members : await series.sortMembers(group, pacer);
    const members = { of: group, members: sorted };
    if (isAggregate) {
      for (const block of await aggregateGroup(members, run)) yield block;
      memory.release();
    } else {
      yield* readRows(members, stretches, run);
    }
    if (pacer.isDue) await pacer.breathe();
  }
}

/** Without opening a view: false when the index of tags has no series of the plan. */
function mayAnswer(
  { databases }: StoreState,
  { dbId, measurement }: ShardPlan,
  listed: readonly ListedTag[],
): boolean {
  const index = databases.get(dbId)?.measurements.get(measurement);
  return index !== undefined && !excludesAll(index, listed);
}

export async function* scanStates(
  states: readonly StoreState[],
  plan: ShardPlan,
  control: ScanControl,
): AsyncGenerator<ScanBlock> {
  const pacer = new Pacer(control.env, control.signal);
  pacer.check();
  const views: StoreView[] = [];
  const held = new HeldMemory(control.memory);
  const listed = listedTags(plan.where);
  try {
    for (const state of states) {
      if (!mayAnswer(state, plan, listed)) continue;
      const view = await openView(state, plan, pacer);
      views.push(view);
      held.add(view.partitions.length * partitionBytes);
    }
    yield* runPlan(views, plan, pacer, control.memory);
  } catch (error) {
    for (const state of states) noteDamage(state, error);
    throw error;
  } finally {
    for (const view of views) view.release();
  }
}
