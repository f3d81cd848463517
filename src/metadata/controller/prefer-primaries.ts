/**
 * Primaries evened out over the nodes by wishes in shard records: pure.
 *
 * A wish names the replica that should take over; that replica promotes itself when it is complete. A
 * few are under way at a time; one whose node is gone is withdrawn. Nothing is wished for a
 * difference of one.
 *
 * Two nodes need not share a shard to even out: the surplus goes along the shortest chain of nodes of which each
 * shares one with the next. So the result is as even as the placement of the replicas allows.
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

/** Every member lives, and nothing else is going on. */
function isFree(record: ShardRecord, live: ReadonlySet<string>): boolean {
  const { replicas, learner, leaving, degraded, isNew } = record;
  const isSettled = learner === undefined && leaving === undefined && !degraded && !isNew;
  return isSettled && wishOf(record) === undefined && replicas.every((uuid) => live.has(uuid));
}

interface HandOver {
  readonly record: ShardRecord;
  readonly to: string;
}

/** Primary -> other replica -> a shard that could be handed over from the one to the other. */
function linkNodes(records: Iterable<ShardRecord>): Map<string, Map<string, ShardRecord>> {
  const links = new Map<string, Map<string, ShardRecord>>();
  for (const record of records) {
    let own = links.get(record.primary);
    if (own === undefined) {
      own = new Map();
      links.set(record.primary, own);
    }
    for (const uuid of record.replicas) {
      if (uuid !== record.primary && !own.has(uuid)) own.set(uuid, record);
    }
  }
  return links;
}

/** The shortest chain of hand-overs from a node to one that has at least two primaries fewer. */
function findChain(
  from: string,
  counts: ReadonlyMap<string, number>,
  links: ReadonlyMap<string, ReadonlyMap<string, ShardRecord>>,
): readonly HandOver[] | undefined {
  const chains = new Map<string, readonly HandOver[]>([[from, []]]);
  for (const [node, chain] of chains) {
    if (counts.get(node)! <= counts.get(from)! - 2) return chain;
    for (const [to, record] of links.get(node) ?? []) {
      if (!chains.has(to)) chains.set(to, [...chain, { record, to }]);
    }
  }
  return undefined;
}

/** From the node with the most primaries that can give one away. */
function findNextChain(
  counts: ReadonlyMap<string, number>,
  links: ReadonlyMap<string, ReadonlyMap<string, ShardRecord>>,
): readonly HandOver[] | undefined {
  const nodes = [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)!);
  for (const node of nodes) {
    const chain = findChain(node, counts, links);
    if (chain !== undefined) return chain;
  }
  return undefined;
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
  const free = new Set(records.filter((record) => isFree(record, live)));
  while (wishes < wishesMax) {
    const chain = findNextChain(counts, linkNodes(free));
    if (chain === undefined) break;
    for (const { record, to } of chain) {
      changed.push(withWish(record, to));
      free.delete(record);
      counts.set(record.primary, counts.get(record.primary)! - 1);
      counts.set(to, counts.get(to)! + 1);
      wishes++;
    }
  }
  return changed;
}
