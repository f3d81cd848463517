/**
 * Where the replicas of new shards go: pure.
 *
 * Never two of a shard on one node. Over zones first: a zone gets its second replica of a shard only when
 * every zone with a node left has one. Then even: the zone, and in it the node, with the fewest replicas. So
 * with zones of equal size, or none, no node has more than one replica more than another.
 */

import type { NodeRecord, ShardRecord } from '../../model/cluster.ts';

interface Load {
  readonly node: NodeRecord;
  replicas: number;
  primaries: number;
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}

class Placement {
  readonly #loads = new Map<string, Load>();
  readonly #zones = new Map<string, Load[]>();

  constructor(nodes: readonly NodeRecord[]) {
    const sorted = [...nodes].sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
    for (const node of sorted) {
      const load = { node, replicas: 0, primaries: 0 };
      this.#loads.set(node.uuid, load);
      const zone = this.#zones.get(node.zone);
      if (zone === undefined) this.#zones.set(node.zone, [load]);
      else zone.push(load);
    }
  }

  count({ replicas, primary }: ShardRecord): void {
    for (const uuid of replicas) {
      const load = this.#loads.get(uuid);
      if (load !== undefined) load.replicas++;
    }
    const first = this.#loads.get(primary);
    if (first !== undefined) first.primaries++;
  }

  choose(replicationFactor: number): readonly Load[] {
    const chosen: Load[] = [];
    while (chosen.length < replicationFactor) {
      const next = this.#nextOf(chosen);
      next.replicas++;
      chosen.push(next);
    }
    return chosen;
  }

  #nextOf(chosen: readonly Load[]): Load {
    let best: Load | undefined;
    let bestRank: readonly number[] = [];
    for (const [zone, members] of this.#zones) {
      const used = chosen.filter(({ node }) => node.zone === zone).length;
      const perNode = members.reduce((sum, { replicas }) => sum + replicas, 0) / members.length;
      for (const load of members) {
        if (chosen.includes(load)) continue;
        const rank = [used, perNode, load.replicas, load.primaries];
        if (best !== undefined && !isBefore(rank, bestRank)) continue;
        best = load;
        bestRank = rank;
      }
    }
    if (best === undefined) throw new RangeError('fewer nodes than replicas of a shard');
    return best;
  }
}

export interface PlacementOrder {
  /** At least as many as `replicationFactor`. */
  readonly nodes: readonly NodeRecord[];
  readonly shardCount: number;
  readonly replicationFactor: number;
  /** What has a record already, by shard. */
  readonly placed: ReadonlyMap<number, ShardRecord>;
}

/** Records of all shards that have none. */
export function placeShards(order: PlacementOrder): readonly ShardRecord[] {
  const { nodes, shardCount, replicationFactor, placed } = order;
  const placement = new Placement(nodes);
  for (const record of placed.values()) placement.count(record);
  const made: ShardRecord[] = [];
  for (let shard = 0; shard < shardCount; shard++) {
    if (placed.has(shard)) continue;
    const chosen = placement.choose(replicationFactor);
    const first = chosen.reduce((a, b) => (b.primaries < a.primaries ? b : a));
    first.primaries++;
    made.push({
      shard,
      epoch: 1,
      primary: first.node.uuid,
      replicas: chosen.map(({ node }) => node.uuid),
      learner: undefined,
      leaving: undefined,
      degraded: false,
      isNew: true,
      version: 1,
      revision: 0,
    });
  }
  return made;
}
