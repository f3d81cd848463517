/** Partial aggregates of one group from several streams become one block. */

import { InvariantError } from '../../base/errors.ts';
import type { AggregateBlock, AggregateOutput } from '../../model/plan.ts';

export function mergeAggregateBlocks(
  output: AggregateOutput,
  blocks: readonly AggregateBlock[],
): AggregateBlock {
  const [only, ...others] = blocks;
  if (only === undefined || others.length > 0) {
    throw new InvariantError(`one stream answers ${output.aggregates.length} aggregates`);
  }
  return only;
}
