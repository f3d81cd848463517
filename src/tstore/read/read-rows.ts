/**
 * Raw rows of one group: slice of time by slice of time, so that rows of many series are put in order
 * without holding them all. Slices are as long as the memory of the scan allows.
 */

import { HeldMemory } from '../../base/memory-budget.ts';
import type { ScanBlock } from '../../model/plan.ts';
import type { TimeRange } from '../../model/time.ts';
import type { GroupScan } from '../../scan/scan.ts';
import { locateSeries, resolveSources, type SeriesInPartition, spanOf } from './partition-scan.ts';
import type { Members, ScanRun } from './scan-run.ts';
import type { BoundSeries } from './series-groups.ts';
import { cutIntoSlices, type Slice, type Weight } from './time-slices.ts';

const sliceRowsMax = 65_536;
/** A limited scan starts with short slices and lengthens them. */
const sliceRowsMin = 512;
const sliceGrowth = 8;
/** Rows of the first slice where texts are asked for: nobody knows yet how long they are. */
const textRowsFirst = 2_048;
/** What a series and a source cost while a group is read, roughly. */
const seriesBytes = 512;
const sourceBytes = 192;
/** Between two looks at the account. */
const chargeBytes = 256 * 1024;

interface Located {
  readonly inPartition: SeriesInPartition;
  readonly start: bigint;
}

async function bindAll(
  { of, members }: Members,
  run: ScanRun,
  held: HeldMemory,
): Promise<BoundSeries[]> {
  const found: BoundSeries[] = [];
  let bytes = 0;
  for (const member of members) {
    if (run.pacer.isDue) await run.pacer.breathe();
    const series = run.series.bind(member, of);
    if (series === undefined) continue;
    found.push(series);
    bytes += seriesBytes + series.binding.seriesKey.length;
    if (bytes < chargeBytes) continue;
    held.add(bytes);
    bytes = 0;
  }
  held.add(bytes);
  return found;
}

async function locateAll(
  series: readonly BoundSeries[],
  stretch: TimeRange,
  { pacer }: ScanRun,
  held: HeldMemory,
): Promise<Located[]> {
  const found: Located[] = [];
  let bytes = 0;
  for (const one of series) {
    for (const partition of one.view.partitions) {
      if (pacer.isDue) await pacer.breathe();
      const span = spanOf(partition, stretch);
      const inPartition = span && locateSeries(one, partition, span);
      if (inPartition === undefined || span === undefined) continue;
      found.push({ inPartition, start: span.start });
      bytes += sourceBytes * (1 + inPartition.sources.length);
    }
    if (bytes < chargeBytes) continue;
    held.add(bytes);
    bytes = 0;
  }
  held.add(bytes);
  return found;
}

/**
 * Where the first source of a plan with a limit lies: if its rows are few or need no merging, they may
 * be all that is read.
 */
function leadSlices(
  weights: readonly Weight[],
  rowsMax: number,
  descending: boolean,
): Slice[] | undefined {
  let lead = weights[0]!;
  for (const weight of weights) {
    if (descending ? weight.max > lead.max : weight.min < lead.min) lead = weight;
  }
  const near = weights.filter(({ min, max }) => min <= lead.max && max >= lead.min);
  const rows = near.reduce((sum, { count }) => sum + count, 0);
  if (near.length > 1 && rows > rowsMax) return undefined;
  return [{ min: lead.min, max: lead.max }];
}

/** Slices of a stretch, as offsets from its least time; of a plan with a limit perhaps only the first. */
function sliceStretch(
  located: readonly Located[],
  stretch: TimeRange,
  length: SliceLength,
  descending: boolean,
): Slice[] {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  const size = Number(stretch.max - stretch.min);
  const weights: Weight[] = [];
  for (const { inPartition, start } of located) {
    const shift = Number(start - stretch.min);
    for (const source of inPartition.sources) {
      // A chunk may reach beyond the stretch; its rows outside are not asked for.
      const from = Math.max(0, source.min + shift);
      const until = Math.min(size, source.max + shift);
      if (from > until) continue;
      weights.push({ min: from, max: until, count: source.count });
      min = Math.min(min, from);
      max = Math.max(max, until);
    }
  }
  if (weights.length === 0) return [];
  const lead = length.isLead ? leadSlices(weights, length.rows, descending) : undefined;
  return lead ?? cutIntoSlices(weights, min, max, length.rows);
}

async function readSlice(
  located: readonly Located[],
  slice: TimeRange,
  group: GroupScan,
  { pacer, wanted, memory }: ScanRun,
): Promise<number> {
  let rowCount = 0;
  for (const { inPartition, start } of located) {
    const min = Number(slice.min - start);
    const max = Number(slice.max - start);
    const near = inPartition.sources.filter((source) => source.min <= max && source.max >= min);
    if (near.length === 0) continue;
    const { series } = inPartition;
    const span = { start, min: Math.max(0, min), max };
    const batch = resolveSources(inPartition, near, wanted.of(series.view.state), span);
    if (batch !== undefined) {
      group.addBatch(series.binding, batch);
      rowCount += batch.rowCount;
      memory.note(group);
    }
    if (pacer.isDue) await pacer.breathe();
  }
  return rowCount;
}

/** How many rows the next slice should have. */
class SliceLength {
  readonly #run: ScanRun;
  #rows: number;
  /** Nothing was read yet of a plan with a limit. */
  #isLead: boolean;

  constructor(run: ScanRun) {
    const { output } = run.plan;
    this.#run = run;
    const isLimited = output.kind === 'raw' && output.rowLimit > 0;
    const hasTexts = run.scan.fields.some(({ type }) => type === 'string');
    this.#isLead = isLimited;
    this.#rows = isLimited ? sliceRowsMin : hasTexts ? textRowsFirst : sliceRowsMax;
  }

  get isLead(): boolean {
    return this.#isLead;
  }

  get rows(): number {
    return this.#run.memory.sliceRows(this.#rows);
  }

  grow(): void {
    this.#isLead = false;
    this.#rows = Math.min(sliceRowsMax, this.#rows * sliceGrowth);
  }
}

/** The part of a stretch behind a slice of it, in the order of the plan; undefined = nothing. */
function restOf(stretch: TimeRange, slice: TimeRange, descending: boolean): TimeRange | undefined {
  const rest = descending
    ? { min: stretch.min, max: slice.min - 1n }
    : { min: slice.max + 1n, max: stretch.max };
  return rest.min > rest.max ? undefined : rest;
}

/** Cut anew when slices should have become much longer or shorter than those at hand. */
function isMisfit(rows: number, wanted: number): boolean {
  return wanted * 2 < rows || wanted > rows * 4;
}

async function* readStretch(
  located: readonly Located[],
  whole: TimeRange,
  group: GroupScan,
  run: ScanRun,
  length: SliceLength,
): AsyncGenerator<ScanBlock> {
  const { memory, plan } = run;
  let stretch: TimeRange | undefined = whole;
  while (stretch !== undefined) {
    const { rows } = length;
    const { min: start } = stretch;
    const { isLead } = length;
    const slices = sliceStretch(located, stretch, length, plan.descending);
    if (plan.descending) slices.reverse();
    let rest: TimeRange | undefined;
    for (const { min, max } of slices) {
      const slice: TimeRange = { min: start + BigInt(min), max: start + BigInt(max) };
      memory.learn(group, await readSlice(located, slice, group, run));
      yield* group.drain();
      memory.release();
      if (group.isFull) return;
      length.grow();
      const cutsAnew = isLead || isMisfit(rows, length.rows);
      rest = cutsAnew ? restOf(stretch, slice, plan.descending) : undefined;
      if (rest !== undefined) break;
    }
    stretch = rest;
  }
}

/** `stretches` are those of all stores together: between them rows need no merging. */
export async function* readRows(
  members: Members,
  stretches: readonly TimeRange[],
  run: ScanRun,
): AsyncGenerator<ScanBlock> {
  const heldSeries = new HeldMemory(run.memory.account);
  const heldSources = new HeldMemory(run.memory.account);
  const series = await bindAll(members, run, heldSeries);
  const first = series[0];
  if (first === undefined) return;
  const group = run.scan.openGroup(first.binding.group);
  const length = new SliceLength(run);
  for (const stretch of stretches) {
    if (group.isFull) break;
    const located = await locateAll(series, stretch, run, heldSources);
    yield* readStretch(located, stretch, group, run, length);
    heldSources.free();
  }
  yield* group.finish();
  run.memory.release();
  heldSeries.free();
}
