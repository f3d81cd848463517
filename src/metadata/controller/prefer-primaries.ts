/**
 * Primaries evened out over the nodes by wishes in shard records: pure.
 *
 * A wish names the replica that should take over; that replica promotes itself when it is complete. A
 * few are under way at a time; one whose node is gone is withdrawn. Nothing is wished for a
 * difference of one.
 */

import type { ShardRecord } from '../../model/cluster.ts';

/** Under way at once. */
const wishesMax = 4;

function wishOf({ preferred, primary }: ShardRecord): string | undefined {
  return preferred === primary ? undefined : preferred;
}

function withWish(record: ShardRecord, preferred: string | undefined): ShardRecord {
  const { preferred: _, ...rest } = record;
  const wish = preferred === undefined ? {} : { preferred };
  return { ...rest, ...wish, version: record.version + 1 };
}

/** Primaries by node as they will be when the wishes are fulfilled. */
function countPrimaries(records: readonly ShardRecord[], live: ReadonlySet<string>) {
  const counts = new Map<string, number>([...live].map((uuid) => [uuid, 0]));
  for (const record of records) {
    const uuid = wishOf(record) ?? record.primary;
    counts.set(uuid, (counts.get(uuid) ?? 0) + 1);
  }
  return counts;
}

/** Who could take over from the primary to even things out; undefined = nobody. */
function findBetter(
  record: ShardRecord,
  counts: ReadonlyMap<string, number>,
  live: ReadonlySet<string>,
): string | undefined {
  const { primary, replicas, learner, leaving, degraded, isNew } = record;
  const isSettled = learner === undefined && leaving === undefined && !degraded && !isNew;
  if (!isSettled || wishOf(record) !== undefined) return undefined;
  if (!replicas.every((uuid) => live.has(uuid))) return undefined;
  const least = replicas.reduce((a, b) => (counts.get(b)! < counts.get(a)! ? b : a));
  return counts.get(primary)! - counts.get(least)! >= 2 ? least : undefined;
}

/** Changed records. `live`: nodes that can be primaries. */
export function decidePreferred(
  records: readonly ShardRecord[],
  live: ReadonlySet<string>,
  isCalm: boolean,
): readonly ShardRecord[] {
  const changed: ShardRecord[] = [];
  let wishes = 0;
  for (const record of records) {
    const wish = wishOf(record);
    if (wish === undefined) continue;
    if (live.has(wish) && record.replicas.includes(wish)) wishes++;
    else changed.push(withWish(record, undefined));
  }
  if (!isCalm || changed.length > 0) return changed;
  const counts = countPrimaries(records, live);
  for (const record of records) {
    if (wishes >= wishesMax) break;
    const better = findBetter(record, counts, live);
    if (better === undefined) continue;
    changed.push(withWish(record, better));
    counts.set(record.primary, counts.get(record.primary)! - 1);
    counts.set(better, counts.get(better)! + 1);
    wishes++;
  }
  return changed;
}
