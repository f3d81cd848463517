/**
 * What a SELECT may touch, as InfluxDB counts it: series of each measurement and the windows of one series
 * before it runs, points while it does.
 */

import { CitadelError } from '../../base/errors.ts';
import type { RawBlock, RowExpr, ScanBlock } from '../../model/plan.ts';
import { minTime } from '../../model/time.ts';
import { tagConjuncts } from '../../scan/tag-condition.ts';
import type { SelectPlan } from '../compile/select-plan.ts';
import { isInner, type Table } from '../compile/tables.ts';
import type { QueryContext } from '../query-context.ts';
import { countSeries } from '../show/collect-schema.ts';
import { windowStart } from '../windows.ts';

function exceeded(limit: string, count: number | bigint, most: number): CitadelError {
  return new CitadelError('limit-exceeded', `${limit} limit exceeded: (${count}/${most})`);
}

/** The misspelling is InfluxDB's, and clients may look for it. */
function pointsExceeded(count: number, most: number): CitadelError {
  return new CitadelError('limit-exceeded', `max-select-point limit exceeed: (${count}/${most})`);
}

/** What of a condition the tag index can decide. */
export function tagPart(where: RowExpr | undefined): RowExpr | undefined {
  const [first, ...rest] = tagConjuncts(where);
  if (first === undefined) return undefined;
  return rest.reduce<RowExpr>((left, right) => ({ kind: 'binary', op: 'and', left, right }), first);
}

async function checkSeries(plan: SelectPlan, context: QueryContext): Promise<void> {
  const { maxSelectSeries } = context.ports.limits;
  if (maxSelectSeries === 0) return;
  for (const { table, where } of plan.measurements.flatMap(({ tables }) => tables)) {
    if (isInner(table) || !readsFieldOf(plan, table)) continue;
    const { dbId, rpId, measurement } = table;
    const counts = await countSeries(
      { dbId, rpId, measurements: [measurement], where: tagPart(where), range: plan.range },
      context,
    );
    const isOver = (counts.get(measurement) ?? 0) > maxSelectSeries;
    // InfluxDB counts no further than to the first series beyond the limit.
    if (isOver) throw exceeded('max-select-series', maxSelectSeries + 1, maxSelectSeries);
  }
}

/** A measurement without any of the fields is not read at all. */
function readsFieldOf({ calls, variables }: SelectPlan, { fields }: Table): boolean {
  return [...calls.map(({ variable }) => variable), ...variables].some(({ name }) =>
    fields.has(name),
  );
}

function checkBuckets({ windows, range }: SelectPlan, context: QueryContext): void {
  const { maxSelectBuckets } = context.ports.limits;
  if (maxSelectBuckets === 0 || windows === undefined || range.min === minTime) return;
  const first = windowStart(windows, range.min);
  const last = windowStart(windows, range.max - 1n);
  const count = (last - first + windows.intervalNs) / windows.intervalNs;
  if (count > BigInt(maxSelectBuckets)) {
    throw exceeded('max-select-buckets', count, maxSelectBuckets);
  }
}

/** Of a subquery only the series are counted. @throws CitadelError `limit-exceeded` with InfluxDB's text. */
export async function checkPlanLimits(
  plan: SelectPlan,
  context: QueryContext,
  isSubquery: boolean,
): Promise<void> {
  if (!isSubquery) checkBuckets(plan, context);
  await checkSeries(plan, context);
}

/** Rows of all streams of one query together. */
export class PointBudget {
  readonly #limit: number;
  #used = 0;

  constructor(context: QueryContext) {
    this.#limit = context.ports.limits.maxSelectPoint;
  }

  /** @throws CitadelError `limit-exceeded`. */
  spend(block: ScanBlock): void {
    if (this.#limit === 0) return;
    this.#used += block.kind === 'raw' ? block.times.length : cellCount(block);
    if (this.#used > this.#limit) throw pointsExceeded(this.#used, this.#limit);
  }

  async *count(blocks: AsyncIterable<RawBlock>): AsyncGenerator<RawBlock> {
    for await (const block of blocks) {
      this.spend(block);
      yield block;
    }
  }
}

function cellCount(block: Extract<ScanBlock, { kind: 'aggregate' }>): number {
  let most = 0;
  for (const { counts } of block.partials) {
    let sum = 0;
    for (const count of counts) sum += count;
    most = Math.max(most, sum);
  }
  return most;
}
