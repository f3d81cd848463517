/** Aggregates from partials: merged over all streams group by group, finished, filled. */

import { HeldMemory } from '../../base/memory-budget.ts';
import type { Column } from '../../model/column.ts';
import type { AggregateBlock, Partial } from '../../model/plan.ts';
import { mergeAggregateBlocks } from '../../scan/merge-blocks.ts';
import { emptyTagsAsNull } from '../columns/empty-tags.ts';
import { reverseColumn } from '../columns/row-view.ts';
import { functionRule } from '../compile/functions.ts';
import type { MeasurementPlan, SelectPlan } from '../compile/select-plan.ts';
import type { CallColumn, GroupWindows } from '../finish/call-column.ts';
import { expandDistinct } from '../finish/expand-distinct.ts';
import { finishPartial } from '../finish/finish-partial.ts';
import { framesOf } from '../finish/frames-of-windows.ts';
import { blockSize } from '../limits/meter-blocks.ts';
import type { GroupFrame } from '../merge/merge-raw.ts';
import { StreamHeads } from '../merge/stream-heads.ts';
import type { QueryContext } from '../query-context.ts';
import type { PointBudget } from './limits.ts';
import { type AggregateScan, scanAggregates } from './shard-plans.ts';

/** While blocks are merged, and as their values are finished. */
const copiesOfBlock = 2;

export async function* runAggregates(
  plan: SelectPlan,
  measurement: MeasurementPlan,
  run: { readonly context: QueryContext; readonly points: PointBudget },
): AsyncGenerator<GroupFrame> {
  const scan = scanAggregates(plan, measurement, run.context);
  if (scan === undefined) return;
  const held = new HeldMemory(run.context.memory);
  for await (const block of mergeGroups(plan, scan)) {
    run.points.spend(block);
    held.set(blockSize(block) * copiesOfBlock);
    const data = finishGroup(plan, scan, block);
    for (const frame of framesOf(plan, data)) yield { group: data.group, frame };
    held.free();
  }
}

/** One merged block per group. */
async function* mergeGroups(
  plan: SelectPlan,
  { streams, output }: AggregateScan,
): AsyncGenerator<AggregateBlock> {
  const heads = new StreamHeads(streams, plan.descending);
  try {
    await heads.open();
    for (let members = heads.nextGroup(); members.length > 0; members = heads.nextGroup()) {
      const blocks: AggregateBlock[] = [];
      for (const { block } of members) if (block?.kind === 'aggregate') blocks.push(block);
      const merged = mergeAggregateBlocks(output, blocks);
      if (merged !== undefined) yield merged;
      for (const member of members) await heads.advance(member);
    }
  } finally {
    await heads.close();
  }
}

const noCall: CallColumn = { values: undefined, answered: undefined };

function finishGroup(plan: SelectPlan, scan: AggregateScan, block: AggregateBlock): GroupWindows {
  const only = block.partials[0];
  if (plan.calls.length === 1 && only?.fn === 'distinct' && plan.calls[0]!.fn === 'distinct') {
    return inOrder(plan, expandDistinct(block.group, block.windows, only));
  }
  const calls: CallColumn[] = plan.calls.map(() => noCall);
  block.partials.forEach((partial, index) => {
    // What has no value anywhere in the group is null, counts too.
    if (partial.counts.some(isSeen)) calls[scan.callOf[index]!] = finishCall(partial);
  });
  const picked = plan.calls.length === 1 ? pickedRow(only, plan) : undefined;
  return inOrder(plan, {
    group: block.group,
    times: block.windows,
    calls,
    extras: picked?.extras ?? [],
    pickedTimes: functionRule(plan.calls[0]!.fn)?.isSelector === true ? picked?.times : undefined,
  });
}

function isSeen(count: number): boolean {
  return count > 0;
}

function finishCall(partial: Partial): CallColumn {
  if (partial.fn !== 'distinct') return finishPartial(partial);
  const counts = new Float64Array(partial.counts.length);
  for (let i = 0; i < counts.length; i++) {
    counts[i] = partial.starts[i + 1]! - partial.starts[i]!;
  }
  return finishPartial({ fn: 'count', counts });
}

interface PickedRow {
  readonly times: BigInt64Array;
  readonly extras: readonly (Column | undefined)[];
}

function pickedRow(partial: Partial | undefined, { variables }: SelectPlan): PickedRow | undefined {
  if (partial === undefined || !('times' in partial)) return undefined;
  const extras = partial.extras.map((extra, index) =>
    variables[index]?.source === 'tag' ? emptyTagsAsNull(extra) : extra,
  );
  return { times: partial.times, extras };
}

/** Partials come by ascending window; a descending answer turns them round. */
function inOrder(plan: SelectPlan, data: GroupWindows): GroupWindows {
  if (!plan.descending || data.times.length < 2) return data;
  return {
    group: data.group,
    times: data.times.toReversed(),
    calls: data.calls.map(({ values, answered }) => ({
      values: values && reverseColumn(values),
      answered: answered?.toReversed(),
    })),
    extras: data.extras.map((extra) => extra && reverseColumn(extra)),
    pickedTimes: data.pickedTimes?.toReversed(),
  };
}
