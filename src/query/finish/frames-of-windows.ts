/** The finished windows of a group as frames: times settled, gaps filled. */

import { CitadelError } from '../../base/errors.ts';
import { sliceFrame } from '../columns/row-view.ts';
import { functionRule } from '../compile/functions.ts';
import type { SelectPlan } from '../compile/select-plan.ts';
import { type Frame, frameRows } from '../frame.ts';
import { type WindowRule, windowStart } from '../windows.ts';
import type { CallColumn, GroupWindows } from './call-column.ts';
import { constantColumn, type FillPlan, fillExtras, fillWindows } from './fill.ts';

/** Of one series. They are made one frame at a time, so this bounds the answer, not memory. */
const filledWindowsMax = 100_000_000;

function frameOf(data: GroupWindows, times: BigInt64Array): Frame {
  return {
    rowCount: times.length,
    times,
    columns: [...data.calls.map((call) => call.values), ...data.extras],
  };
}

/** Without windows: the picked row's time for a lone selector, else the lower bound, else 1970. */
function wholeRangeTimes(plan: SelectPlan, data: GroupWindows): BigInt64Array {
  if (data.pickedTimes !== undefined && !plan.isPart) return data.pickedTimes;
  return new BigInt64Array(data.times.length).fill(plan.lowerBound ?? 0n);
}

/** fill(number) counts without windows too, for calls that found nothing. */
function withConstants({ calls, fill }: SelectPlan, data: GroupWindows): GroupWindows {
  if (fill.kind !== 'value' || data.calls.every((call) => call.values !== undefined)) return data;
  const filled = data.calls.map((call, index): CallColumn => {
    const type = calls[index]?.type;
    if (call.values !== undefined || type === undefined) return call;
    return { ...call, values: constantColumn(fill, type, data.times.length) };
  });
  return { ...data, calls: filled };
}

function isNeverFilled(plan: SelectPlan): boolean {
  return plan.fill.kind === 'none' || plan.calls.some((call) => functionRule(call.fn)?.isMany);
}

function typesOfExtras({ variables }: SelectPlan): FillPlan['extras'] {
  return variables.map(({ type }) => type);
}

function fillPlan(plan: SelectPlan, windows: WindowRule): FillPlan {
  const { range, descending, lowerBound } = plan;
  const low = lowerBound === undefined ? undefined : windowStart(windows, range.min);
  const high = windowStart(windows, range.max);
  return {
    fill: plan.fill,
    windows,
    descending,
    first: descending ? high : low,
    last: descending ? low : high,
    calls: plan.calls.map(({ fn, type }) => ({
      isCount: fn === 'count' || fn === 'count-distinct',
      type,
    })),
    extras: typesOfExtras(plan),
  };
}

/** Nothing to fill: every window is there and every call answered in all of them. */
function isComplete(plan: FillPlan, data: GroupWindows): boolean {
  const count = data.times.length;
  const first = plan.first ?? data.times[0]!;
  const last = plan.last ?? data.times[count - 1]!;
  if (data.times[0] !== first || data.times[count - 1] !== last) return false;
  const span = first < last ? last - first : first - last;
  if (plan.windows.zone !== undefined) return false;
  if (BigInt(count - 1) * plan.windows.intervalNs !== span) return false;
  return data.calls.every(
    ({ values, answered }) =>
      values !== undefined && answered === undefined && values.valid === undefined,
  );
}

/** Frames of at most `frameRows` rows, about. */
export function* framesOf(plan: SelectPlan, data: GroupWindows): Generator<Frame> {
  for (const frame of wholeFrames(plan, data)) {
    for (let from = 0; from < frame.rowCount; from += frameRows) {
      yield sliceFrame(frame, from, Math.min(frame.rowCount, from + frameRows));
    }
  }
}

function* wholeFrames(plan: SelectPlan, given: GroupWindows): Generator<Frame> {
  if (given.times.length === 0) return;
  const data = fillExtras(plan.fill, typesOfExtras(plan), given);
  if (data.pickedTimes !== undefined && functionRule(plan.calls[0]!.fn)?.keepsTime) {
    yield frameOf(data, data.pickedTimes);
    return;
  }
  if (plan.windows === undefined) {
    yield frameOf(withConstants(plan, data), wholeRangeTimes(plan, data));
    return;
  }
  if (isNeverFilled(plan)) {
    yield frameOf(data, data.times);
    return;
  }
  const fill = fillPlan(plan, plan.windows);
  if (isComplete(fill, data)) yield frameOf(data, data.times);
  else yield* fillPage(plan, fill, data);
}

/** No more windows than the page needs. */
function* fillPage(plan: SelectPlan, fill: FillPlan, data: GroupWindows): Generator<Frame> {
  const needed = plan.limit > 0 ? plan.limit + plan.offset : Number.POSITIVE_INFINITY;
  checkWindowCount(fill, data, needed);
  let rowCount = 0;
  for (const frame of fillWindows(fill, data)) {
    yield frame;
    rowCount += frame.rowCount;
    if (rowCount >= needed) return;
  }
}

function checkWindowCount(fill: FillPlan, data: GroupWindows, needed: number): void {
  const first = fill.first ?? data.times[0]!;
  const last = fill.last ?? data.times[data.times.length - 1]!;
  const span = first < last ? last - first : first - last;
  const count = span / fill.windows.intervalNs + 1n;
  if (count <= BigInt(filledWindowsMax) || needed <= filledWindowsMax) return;
  throw new CitadelError(
    'limit-exceeded',
    `max-select-buckets limit exceeded: (${count}/${filledWindowsMax})`,
  );
}
