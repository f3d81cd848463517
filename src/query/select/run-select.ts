/** Runs a plan: measurement by measurement, group by group, frame by frame. */

import type { SelectPlan } from '../compile/select-plan.ts';
import { isInner } from '../compile/tables.ts';
import { evaluate } from '../eval/evaluate.ts';
import { RowPage } from '../finish/page-rows.ts';
import type { Frame } from '../frame.ts';
import { groupKey } from '../merge/group-key.ts';
import type { GroupFrame } from '../merge/merge-raw.ts';
import type { QueryPorts } from '../ports.ts';
import { Pacer, type QueryContext } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { pickGroups } from './limit-groups.ts';
import { checkPlanLimits, PointBudget } from './limits.ts';
import { isJoined, openFrames } from './open-frames.ts';
import { scanInner } from './scan-inner.ts';

/** Scans of subqueries are run here, all others by the shards. */
function withInner({ inner }: SelectPlan, context: QueryContext): QueryContext {
  if (inner.length === 0) return context;
  const { ports } = context;
  const scan: QueryPorts['scan'] = (outer, signal) => {
    if (!isInner(outer)) return ports.scan(outer, signal);
    const whole = inner[Number(outer.rpId)]!;
    const measurements = whole.measurements.filter(({ name }) => name === outer.measurement);
    const part = { ...whole, measurements };
    return [scanInner(part, outer, runPlan(part, context, true), context)];
  };
  const { schema, limits } = ports;
  const schemaScan: QueryPorts['schemaScan'] = (ask, signal) => ports.schemaScan(ask, signal);
  return { ...context, ports: { schema, limits, scan, schemaScan } };
}

export async function* runPlan(
  plan: SelectPlan,
  outerContext: QueryContext,
  isSubquery = false,
): AsyncGenerator<SeriesPiece> {
  const context = withInner(plan, outerContext);
  // SOFFSET alone selects nothing in InfluxDB; subqueries have paged for themselves.
  if (plan.soffset > 0 && plan.slimit === 0 && readsStored(plan)) return;
  await checkPlanLimits(plan, context, isSubquery);
  const pacer = new Pacer(context);
  const points = new PointBudget(context);
  for (const measurement of plan.measurements) {
    const frames = openFrames(plan, measurement, { context, points, pacer });
    const page = plan.slimit > 0 ? await pickGroups(plan, measurement, context) : undefined;
    const groups = page === undefined ? frames : pageGroups(plan, frames, page);
    const paged = isJoined(plan) ? { ...plan, limit: 0, offset: 0 } : plan;
    const series = new SeriesFinish(paged, measurement.name);
    for await (const { group, frame } of groups) {
      const turn = pacer.spend(frame.rowCount * plan.columns.length);
      if (turn !== undefined) await turn;
      const piece = series.take(group, frame);
      if (piece !== undefined) yield piece;
    }
  }
}

function readsStored({ measurements }: SelectPlan): boolean {
  return measurements.some(({ tables }) => tables.some(({ table }) => !isInner(table)));
}

/** The groups on the page; stops the scan behind the last one, where each is one of the plan's. */
async function* pageGroups(
  { dimensions, pageDimensions }: SelectPlan,
  frames: AsyncIterable<GroupFrame>,
  page: ReadonlySet<string>,
): AsyncGenerator<GroupFrame> {
  const places = pageDimensions.map((key) => dimensions.indexOf(key));
  const isExact = places.length === dimensions.length;
  let left = page.size;
  if (left === 0) return;
  let open: string | undefined;
  let isOn = false;
  for await (const item of frames) {
    const key = groupKey(places.map((place) => item.group[place] ?? ''));
    if (key !== open) {
      if (isOn) left--;
      if (left === 0 && isExact) return;
      open = key;
      isOn = page.has(key);
    }
    if (isOn) yield item;
  }
}

/** Result columns, paging of rows, names and tags. */
class SeriesFinish {
  readonly #plan: SelectPlan;
  readonly #name: string;
  #open: string | undefined;
  #page: RowPage;
  #tags: SeriesPiece['tags'];

  constructor(plan: SelectPlan, name: string) {
    this.#plan = plan;
    this.#name = name;
    this.#page = new RowPage(plan.limit, plan.offset);
  }

  /** Undefined: none of the rows is on the page. */
  take(group: readonly string[], frame: Frame): SeriesPiece | undefined {
    const { limit, offset, dimensions, columns, outputs, zone } = this.#plan;
    const key = groupKey(group);
    if (key !== this.#open) {
      this.#open = key;
      this.#page = new RowPage(limit, offset);
      this.#tags = tagsOf(dimensions, group);
    }
    const rows = this.#page.take(frame);
    if (rows === undefined) return undefined;
    return {
      name: this.#name,
      tags: this.#tags,
      columns,
      rowCount: rows.rowCount,
      times: rows.times,
      values: outputs.map((output) => evaluate(output, rows)),
      zone,
    };
  }
}

function tagsOf(dimensions: readonly string[], group: readonly string[]): SeriesPiece['tags'] {
  if (dimensions.length === 0) return undefined;
  return dimensions.map((key, index) => [key, group[index] ?? ''] as const);
}
