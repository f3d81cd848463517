/**
 * Joins the partials of one group from several shards: the same answer as one shard with all rows,
 * but for the rounding of float sums and deviations.
 */

import type { AggregateBlock, AggregateOutput } from '../model/plan.ts';
import { AggregateGroup } from './aggregate-group.ts';
import { BucketBudget } from './window-slots.ts';

export class BlockMerger {
  readonly #group: AggregateGroup;

  /** `budget`: counts windows over all groups of a query; undefined = no limit. */
  constructor(output: AggregateOutput, group: readonly string[], budget?: BucketBudget) {
    this.#group = new AggregateGroup(output, group, budget ?? new BucketBudget(0));
  }

  add(block: AggregateBlock): void {
    this.#group.addBlock(block);
  }

  /** Undefined when no block had a value. */
  finish(): AggregateBlock | undefined {
    return this.#group.finish();
  }
}

export function mergeAggregateBlocks(
  output: AggregateOutput,
  blocks: readonly AggregateBlock[],
): AggregateBlock | undefined {
  const [first] = blocks;
  if (!first || blocks.length === 1) return first;
  const merger = new BlockMerger(output, first.group);
  for (const block of blocks) merger.add(block);
  return merger.finish();
}
