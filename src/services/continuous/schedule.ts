/**
 * When which windows of a continuous query are computed: a pure function of its rule, of how far it is, and
 * of the time.
 *
 * The instants of runs are a grid of its own, `EVERY` wide (default: as wide as the windows). A run at grid time g
 * computes the windows that start at g - FOR or later and have ended; with EVERY below the interval also
 * the one that g lies in, as far as it goes. A window that no later run will compute is **settled** by its
 * last one; windows are settled in order, each once, however late: nothing between is ever left out.
 */

import { type WindowRule, windowAt, windowStart } from '../../query/windows.ts';
import type { Range } from './ranges.ts';

export interface Schedule {
  readonly windows: WindowRule;
  /** 0n = not given, each. */
  readonly everyNs: bigint;
  readonly forNs: bigint;
}

/** Edges of windows, ns. */
export interface Progress {
  /** The first window that the query answers for. */
  readonly sinceNs: bigint;
  /** Windows before it are settled. */
  readonly settledNs: bigint;
  /** Grid time of the last run that was done with all its windows. */
  readonly ranNs: bigint;
}

export interface Step {
  /** Whole windows to compute now; undefined = none. */
  readonly range: Range | undefined;
  /** When this step is done. */
  readonly next: Progress;
  /** Windows before it are about to be settled, by this step or those that follow at once. */
  readonly announceNs: bigint;
}

function isEdge(rule: WindowRule, timeNs: bigint): boolean {
  return windowStart(rule, timeNs) !== windowStart(rule, timeNs - 1n);
}

/** The first edge after a time. Where clocks change, a window may go on behind the end it was given. */
export function nextEdge(rule: WindowRule, timeNs: bigint): bigint {
  let edge = windowAt(rule, timeNs).end;
  while (edge <= timeNs || !isEdge(rule, edge)) edge = windowAt(rule, edge).end;
  return edge;
}

/** The last edge at or before a time. */
export function lastEdge(rule: WindowRule, timeNs: bigint): bigint {
  let edge = windowAt(rule, timeNs).start;
  while (!isEdge(rule, edge)) edge = windowAt(rule, edge - 1n).start;
  return edge;
}

/** The first edge at or after a time. */
export function edgeFrom(rule: WindowRule, timeNs: bigint): bigint {
  return isEdge(rule, timeNs) ? timeNs : nextEdge(rule, timeNs);
}

/** So many windows further, but no further than `untilNs`. */
export function advance(rule: WindowRule, fromNs: bigint, count: number, untilNs: bigint): bigint {
  if (rule.zone === undefined) {
    const edge = fromNs + BigInt(count) * rule.intervalNs;
    return edge < untilNs ? edge : untilNs;
  }
  let edge = fromNs;
  for (let i = 0; i < count && edge < untilNs; i++) edge = nextEdge(rule, edge);
  return edge < untilNs ? edge : untilNs;
}

function gridOf({ windows, everyNs }: Schedule): WindowRule {
  return everyNs === 0n ? windows : { ...windows, intervalNs: everyNs };
}

/** How far back a run looks. */
function lookBackNs({ windows, everyNs, forNs }: Schedule): bigint {
  if (forNs !== 0n) return forNs;
  return everyNs > windows.intervalNs ? everyNs : windows.intervalNs;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Of a query that was made at a time: the window it falls in is its first one, but for FOR. */
export function beginProgress(schedule: Schedule, nowNs: bigint): Progress {
  const { windows, forNs } = schedule;
  const grid = gridOf(schedule);
  const ranNs = lastEdge(grid, nowNs);
  const sinceNs = forNs === 0n ? lastEdge(windows, nowNs) : edgeFrom(windows, ranNs - forNs);
  // With FOR there is something to compute at once.
  return { sinceNs, settledNs: sinceNs, ranNs: forNs === 0n ? ranNs : lastEdge(grid, ranNs - 1n) };
}

/** Windows before this edge no run after the one at `gridNs` will compute. */
function settledAfter(schedule: Schedule, gridNs: bigint, settledNs: bigint): bigint {
  const { windows, forNs } = schedule;
  const ended = lastEdge(windows, gridNs);
  if (forNs === 0n) return larger(settledNs, ended);
  const next = nextEdge(gridOf(schedule), gridNs);
  const left = edgeFrom(windows, next - lookBackNs(schedule));
  return larger(settledNs, smaller(ended, left));
}

/** Where the windows of the run at `gridNs` end. */
function endOfRun({ windows, everyNs }: Schedule, gridNs: bigint): bigint {
  const ended = lastEdge(windows, gridNs);
  const looksAhead = everyNs !== 0n && everyNs < windows.intervalNs && gridNs > ended;
  return looksAhead ? nextEdge(windows, gridNs) : ended;
}

export interface StepLimits {
  /** Windows per step while there is more to settle. */
  readonly windowsMax: number;
  /** Windows that begin before it are passed over: what they hold can no longer be stored. */
  readonly oldestNs: bigint | undefined;
}

/** Undefined = nothing is due. */
export function nextStep(
  schedule: Schedule,
  progress: Progress,
  nowNs: bigint,
  { windowsMax, oldestNs }: StepLimits,
): Step | undefined {
  const { windows } = schedule;
  const ranNs = lastEdge(gridOf(schedule), nowNs);
  if (ranNs <= progress.ranNs) return undefined;
  const { sinceNs } = progress;
  const settled = settledAfter(schedule, ranNs, progress.settledNs);
  const until = endOfRun(schedule, ranNs);
  const oldest = oldestNs === undefined ? progress.settledNs : edgeFrom(windows, oldestNs);
  const from = smaller(larger(progress.settledNs, oldest), larger(progress.settledNs, until));
  const cut = advance(windows, from, windowsMax, settled);
  if (cut < settled) {
    const next = { sinceNs, settledNs: cut, ranNs: progress.ranNs };
    return { range: { from, until: cut }, next, announceNs: settled };
  }
  const range = from < until ? { from, until } : undefined;
  return { range, next: { sinceNs, settledNs: settled, ranNs }, announceNs: settled };
}

/** When something is due next, ns; for showing and waiting. */
export function nextDueNs(schedule: Schedule, { ranNs }: Progress): bigint {
  return nextEdge(gridOf(schedule), ranNs);
}

/** Ranges of rows that changed, as the windows whose results may change with them. */
export function touchedWindows(
  rule: WindowRule,
  ranges: readonly Range[],
  reach: number,
): readonly Range[] {
  return ranges.map(({ from, until }) => {
    let end = edgeFrom(rule, until);
    for (let i = 0; i < reach; i++) end = nextEdge(rule, end);
    return { from: lastEdge(rule, from), until: end };
  });
}
