/** Runs a plan: measurement by measurement, group by group, frame by frame. */

import type { MeasurementPlan, SelectPlan } from '../compile/select-plan.ts';
import { evaluate } from '../eval/evaluate.ts';
import { RowPage } from '../finish/page-rows.ts';
import { groupKey } from '../merge/group-key.ts';
import { type GroupFrame, mergeRaw } from '../merge/merge-raw.ts';
import { Pacer, type QueryContext } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { pickGroups } from './limit-groups.ts';
import { checkPlanLimits, PointBudget } from './limits.ts';
import { reduceWindows } from './reduce-windows.ts';
import { runAggregates } from './run-aggregates.ts';
import { canPushDown, scanRaw } from './shard-plans.ts';

/** What all measurements of one run share. */
export interface QueryRun {
  readonly context: QueryContext;
  readonly points: PointBudget;
  readonly pacer: Pacer;
}

export async function* runPlan(
  plan: SelectPlan,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  // SOFFSET alone selects nothing in InfluxDB.
  if (plan.soffset > 0 && plan.slimit === 0) return;
  await checkPlanLimits(plan, context);
  const pacer = new Pacer(context);
  const points = new PointBudget(context);
  for (const measurement of plan.measurements) {
    const frames = openFrames(plan, measurement, { context, points, pacer });
    const page = plan.slimit > 0 ? await pickGroups(plan, measurement, context) : undefined;
    const groups = page === undefined ? frames : pageGroups(frames, page);
    yield* finishSeries(plan, measurement.name, groups, pacer);
  }
}

/** Frames with the columns of calls and variables, groups in output order. */
function openFrames(
  plan: SelectPlan,
  measurement: MeasurementPlan,
  run: QueryRun,
): AsyncIterable<GroupFrame> {
  if (plan.calls.length > 0 && canPushDown(plan, measurement)) {
    return runAggregates(plan, measurement, run);
  }
  const streams = scanRaw(plan, measurement, run.context).map((stream) => run.points.count(stream));
  const rows = mergeRaw(streams, plan.descending);
  return plan.calls.length > 0 ? reduceWindows(plan, rows, run.pacer) : rows;
}

/** The groups on the page; stops the scan behind the last one. */
async function* pageGroups(
  frames: AsyncIterable<GroupFrame>,
  page: ReadonlySet<string>,
): AsyncGenerator<GroupFrame> {
  let left = page.size;
  if (left === 0) return;
  let open: string | undefined;
  let isOn = false;
  for await (const item of frames) {
    const key = groupKey(item.group);
    if (key !== open) {
      if (isOn) left--;
      if (left === 0) return;
      open = key;
      isOn = page.has(key);
    }
    if (isOn) yield item;
  }
}

/** Result columns, paging of rows, names and tags. */
async function* finishSeries(
  plan: SelectPlan,
  name: string,
  frames: AsyncIterable<GroupFrame>,
  pacer: Pacer,
): AsyncGenerator<SeriesPiece> {
  let open: string | undefined;
  let page = new RowPage(plan.limit, plan.offset);
  let tags: SeriesPiece['tags'];
  for await (const { group, frame } of frames) {
    const key = groupKey(group);
    if (key !== open) {
      open = key;
      page = new RowPage(plan.limit, plan.offset);
      tags = tagsOf(plan.dimensions, group);
    }
    await pacer.spend(frame.rowCount * plan.columns.length);
    const rows = page.take(frame);
    if (rows === undefined) continue;
    yield {
      name,
      tags,
      columns: plan.columns,
      rowCount: rows.rowCount,
      times: rows.times,
      values: plan.outputs.map((output) => evaluate(output, rows)),
      zone: plan.zone,
    };
  }
}

function tagsOf(dimensions: readonly string[], group: readonly string[]): SeriesPiece['tags'] {
  if (dimensions.length === 0) return undefined;
  return dimensions.map((key, index) => [key, group[index] ?? ''] as const);
}
