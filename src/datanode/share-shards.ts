/** Which worker answers for which of the shards of a request, and which of them need not be asked. */

import type { ShardPlan } from '../model/plan.ts';
import { markPlan } from '../tstore/value-sieve.ts';
import type { WorkerLink } from './worker-link.ts';

/** A worker and those of the shards that it has. */
export type LinkShards = readonly [WorkerLink, readonly number[]];

export function shareShards(
  shards: readonly number[],
  linkOf: (shard: number) => WorkerLink,
): readonly LinkShards[] {
  const byLink = new Map<WorkerLink, number[]>();
  for (const shard of shards) {
    const link = linkOf(shard);
    const own = byLink.get(link);
    if (own === undefined) byLink.set(link, [shard]);
    else own.push(shard);
  }
  return [...byLink];
}

/** Without the workers that know none of the values that the plan lists of a tag; one at least stays. */
export function leaveOut(links: readonly LinkShards[], plan: ShardPlan): readonly LinkShards[] {
  const marks = markPlan(plan);
  const asked = links.filter(([{ sieve }]) => sieve?.mayAnswer(marks) ?? true);
  return asked.length > 0 ? asked : links.slice(0, 1);
}
