/**
 * Where the frames of a plan come from: partial aggregates, reduced rows, rows as they are, or, where
 * calls keep times of their own, a stream per call, joined by time.
 */

import { functionRule } from '../compile/functions.ts';
import type { CallPlan, MeasurementPlan, SelectPlan } from '../compile/select-plan.ts';
import { RowPage } from '../finish/page-rows.ts';
import { groupKey } from '../merge/group-key.ts';
import { type JoinPart, joinFrames } from '../merge/join-frames.ts';
import { type GroupFrame, mergeRaw } from '../merge/merge-raw.ts';
import type { Pacer, QueryContext } from '../query-context.ts';
import { transformFrames } from '../transform/transform-frames.ts';
import { clampTime } from '../windows.ts';
import type { PointBudget } from './limits.ts';
import { reduceWindows } from './reduce-windows.ts';
import { runAggregates } from './run-aggregates.ts';
import { canPushDown, scanRaw } from './shard-plans.ts';

/** What all measurements of one run share. */
export interface QueryRun {
  readonly context: QueryContext;
  readonly points: PointBudget;
  readonly pacer: Pacer;
}

function isTransform({ fn }: CallPlan): boolean {
  return functionRule(fn)?.isTransform === true;
}

/** Whether the rows come joined, and each part is paged for itself, as in InfluxDB. */
export function isJoined(plan: SelectPlan): boolean {
  const { calls, isPart } = plan;
  return !isPart && calls.length > 1 && (calls.some(hasOwnRows) || pagesApart(plan));
}

/** Under fill(none) the rows of a page are counted call by call, as in InfluxDB. */
function pagesApart({ windows, fill, limit, offset }: SelectPlan): boolean {
  return windows !== undefined && fill.kind === 'none' && limit + offset > 0;
}

function hasOwnRows(call: CallPlan): boolean {
  return isTransform(call) || functionRule(call.fn)?.keepsTime === true;
}

/** Frames with the columns of calls and variables, groups in output order. */
export function openFrames(
  plan: SelectPlan,
  measurement: MeasurementPlan,
  run: QueryRun,
): AsyncIterable<GroupFrame> {
  const only = plan.calls[0];
  if (isJoined(plan)) return joinCalls(plan, measurement, run);
  if (only !== undefined && isTransform(only)) {
    return openTransform(plan, only, measurement, run);
  }
  if (plan.calls.length > 0 && canPushDown(plan, measurement)) {
    return runAggregates(plan, measurement, run);
  }
  const streams = scanRaw(plan, measurement, run.context).map((stream) => run.points.count(stream));
  const rows = mergeRaw(streams, plan.descending);
  return plan.calls.length > 0 ? reduceWindows(plan, rows, run.pacer, run.context.memory) : rows;
}

function joinCalls(
  plan: SelectPlan,
  measurement: MeasurementPlan,
  run: QueryRun,
): AsyncIterable<GroupFrame> {
  const { calls, descending, fill } = plan;
  const open = (targets: readonly number[]): JoinPart => {
    const part = { ...plan, calls: targets.map((index) => calls[index]!), variables: [] };
    const frames = openFrames({ ...part, isPart: true }, measurement, run);
    return { frames: pageFrames(plan, frames), targets };
  };
  const indexes = calls.map((_, index) => index);
  const isOwn = (index: number) => hasOwnRows(calls[index]!) || pagesApart(plan);
  const shared = indexes.filter((index) => !isOwn(index));
  const own = indexes.filter(isOwn);
  const parts = [...(shared.length > 0 ? [shared] : []), ...own.map((index) => [index])].map(open);
  return joinFrames(parts, { descending, fill, types: calls.map(({ type }) => type ?? 'float') });
}

async function* pageFrames(
  { limit, offset }: SelectPlan,
  frames: AsyncIterable<GroupFrame>,
): AsyncGenerator<GroupFrame> {
  let open: string | undefined;
  let page = new RowPage(limit, offset);
  for await (const { group, frame } of frames) {
    const key = groupKey(group);
    if (key !== open) page = new RowPage(limit, offset);
    open = key;
    const rows = page.take(frame);
    if (rows !== undefined) yield { group, frame: rows };
  }
}

function openTransform(
  plan: SelectPlan,
  call: CallPlan,
  measurement: MeasurementPlan,
  run: QueryRun,
): AsyncIterable<GroupFrame> {
  const input = openFrames(inputPlan(plan, call), measurement, run);
  return transformFrames(call, plan, input, run.pacer);
}

/** What a transformation reads: rows, or an aggregate, of one window more than the query asks for. */
function inputPlan(plan: SelectPlan, { fn, inner, variable }: CallPlan): SelectPlan {
  const { windows, descending, range, lowerBound } = plan;
  const needsEarlier = functionRule(fn)?.needsEarlier === true;
  const hasWindows = inner !== undefined && windows !== undefined;
  const extra = needsEarlier && hasWindows ? windows.intervalNs : 0n;
  const isBounded = lowerBound !== undefined;
  return {
    ...plan,
    calls: inner === undefined ? [] : [inner],
    variables: inner === undefined ? [variable] : [],
    windows: inner === undefined ? undefined : windows,
    range: {
      min: !descending && isBounded ? clampTime(range.min - extra) : range.min,
      max: descending ? clampTime(range.max + extra) : range.max,
    },
    lowerBound: !descending && isBounded ? clampTime(lowerBound - extra) : lowerBound,
    isPart: false,
    limit: 0,
    offset: 0,
  };
}
