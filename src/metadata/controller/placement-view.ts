/** Who holds how much, and which node is the best to take a copy or to give one up. Pure, with counts of its own. */

import type { NodeRecord, ShardRecord } from '../../model/cluster.ts';
import { type CopyMove, chooseLoadMoves, type EvenLoadRules } from './even-loads.ts';
import type { ShardLoads } from './shard-loads.ts';

export interface PlacementFacts {
  readonly records: readonly ShardRecord[];
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  readonly live: ReadonlySet<string>;
  readonly outgoing: ReadonlySet<string>;
  readonly dead: ReadonlySet<string>;
  /** Undefined = not known, or of no account. */
  readonly loads: ShardLoads | undefined;
  /** The node could not open its copy of the shard lately. */
  readonly isUnfit: (shard: number, node: string) => boolean;
}

/** Compares lists of numbers, then names. */
function isBefore(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}

function bestOf(
  names: Iterable<string>,
  rankOf: (name: string) => readonly number[],
): string | undefined {
  let best: string | undefined;
  let bestRank: readonly number[] = [];
  for (const name of [...names].sort()) {
    const rank = rankOf(name);
    if (best !== undefined && !isBefore(rank, bestRank)) continue;
    best = name;
    bestRank = rank;
  }
  return best;
}

export class PlacementView {
  readonly #facts: PlacementFacts;
  /** Copies by node, as they will be when the learners are members and the leaving ones are gone. */
  readonly #copies = new Map<string, number>();
  readonly #primaries = new Map<string, number>();
  /** Of the same copies. */
  readonly #loads = new Map<string, number>();
  readonly #excluded = new Set<ShardRecord>();

  constructor(facts: PlacementFacts) {
    this.#facts = facts;
    for (const record of facts.records) {
      const { replicas, learner, leaving, primary, preferred } = record;
      for (const node of replicas) if (node !== leaving) this.count(record, node, 1);
      if (learner !== undefined) this.count(record, learner, 1);
      const first = preferred ?? primary;
      this.#primaries.set(first, (this.#primaries.get(first) ?? 0) + 1);
    }
  }

  /** A copy of the shard comes to the node (1), or goes (-1). */
  count(record: ShardRecord, node: string, by: 1 | -1): void {
    this.#copies.set(node, this.#copiesOf(node) + by);
    this.#loads.set(node, this.#loadOf(node) + by * this.#loadOfShard(record));
  }

  /** The record is part of a move now. */
  exclude(record: ShardRecord): void {
    this.#excluded.add(record);
  }

  /** Of the members: a dead one, one that is to go, the one that the newest replaces, one whose zone has others, the fullest. */
  chooseLeaver({ replicas, primary, replaces }: ShardRecord): string {
    const { dead, outgoing } = this.#facts;
    const staying = replicas.filter((node) => !dead.has(node) && !outgoing.has(node));
    const isFree = staying.length === replicas.length;
    if (isFree && replaces !== undefined && replicas.includes(replaces)) return replaces;
    const leaver = bestOf(replicas, (node) => [
      dead.has(node) ? 0 : 1,
      outgoing.has(node) ? 0 : 1,
      -this.#countInZone(staying, this.#zoneOf(node)),
      -this.#copiesOf(node),
      node === primary ? 1 : 0,
    ]);
    return leaver ?? primary;
  }

  chooseNextPrimary(nodes: readonly string[]): string | undefined {
    return bestOf(nodes, (node) => [this.#primaries.get(node) ?? 0]);
  }

  /** Over zones first, then the emptiest. */
  chooseLearner(
    { shard, replicas }: ShardRecord,
    staying: readonly string[],
    isFree: (node: string) => boolean,
  ): string | undefined {
    const { isUnfit } = this.#facts;
    const nodes = this.#takers().filter(
      (node) => !replicas.includes(node) && !isUnfit(shard, node),
    );
    const rankOf = (node: string) => [
      this.#countInZone(staying, this.#zoneOf(node)),
      this.#copiesOf(node),
      this.#loadOf(node),
    ];
    const best = bestOf(nodes, rankOf);
    if (best === undefined) return undefined;
    // A node in a better zone is worth waiting for.
    const [inZone] = rankOf(best);
    return bestOf(
      nodes.filter((node) => isFree(node) && rankOf(node)[0] === inZone),
      rankOf,
    );
  }

  /** From a fuller node to an emptier one, two copies apart at least, without fewer zones. */
  chooseMove(
    records: readonly ShardRecord[],
    isFree: (node: string) => boolean,
  ): CopyMove | undefined {
    const takers = this.#takers();
    const full = [...takers].sort((a, b) => this.#copiesOf(b) - this.#copiesOf(a));
    const empty = [...takers].sort((a, b) => this.#copiesOf(a) - this.#copiesOf(b));
    for (const to of empty) {
      if (!isFree(to)) continue;
      for (const from of full) {
        if (this.#copiesOf(from) - this.#copiesOf(to) < 2) break;
        const record = this.#findMovable(records, from, to);
        if (record !== undefined) return { record, from, to };
      }
    }
    return undefined;
  }

  /** With numbers of copies as they are: what makes the nodes' loads more alike. */
  chooseLoadMoves(records: readonly ShardRecord[], rules: EvenLoadRules): readonly CopyMove[] {
    const { loads } = this.#facts;
    if (loads === undefined) return [];
    return chooseLoadMoves(
      {
        nodes: this.#takers(),
        records,
        loads,
        loadOf: (node) => this.#loadOf(node),
        copiesOf: (node) => this.#copiesOf(node),
        mayMove: (record, from, to) => this.#mayMove(record, from, to),
      },
      rules,
    );
  }

  /**
   * One that does not cost a hand-over, and of those the one nearest to what the taker lacks per copy: so a newcomer gets its
   * share by number and by load.
   */
  #findMovable(records: readonly ShardRecord[], from: string, to: string): ShardRecord | undefined {
    const wanted = this.#wantedBy(to);
    let best: ShardRecord | undefined;
    let bestRank: readonly number[] = [];
    for (const record of records) {
      if (!this.#mayMove(record, from, to)) continue;
      const { replicas, primary } = record;
      // Should the learner's place be forgotten, the one that leaves is chosen anew: it must be this one.
      if (this.chooseLeaver({ ...record, replicas: [...replicas, to] }) !== from) continue;
      const rank = [primary === from ? 1 : 0, Math.abs(this.#loadOfShard(record) - wanted)];
      if (best !== undefined && !isBefore(rank, bestRank)) continue;
      best = record;
      bestRank = rank;
    }
    return best;
  }

  #mayMove(record: ShardRecord, from: string, to: string): boolean {
    const { shard, replicas } = record;
    if (this.#excluded.has(record) || !replicas.includes(from) || replicas.includes(to)) {
      return false;
    }
    if (this.#facts.isUnfit(shard, to)) return false;
    const after = [...replicas.filter((node) => node !== from), to];
    return this.#countZones(after) >= this.#countZones(replicas);
  }

  /** The load of each copy that is still to come, if the node is to have as much as the mean node. */
  #wantedBy(node: string): number {
    const nodes = this.#takers();
    const mean = (of: (one: string) => number) =>
      nodes.reduce((sum, one) => sum + of(one), 0) / nodes.length;
    const copies = mean((one) => this.#copiesOf(one)) - this.#copiesOf(node);
    const load = mean((one) => this.#loadOf(one)) - this.#loadOf(node);
    return Math.max(0, load) / Math.max(1, copies);
  }

  #takers(): string[] {
    const { nodes, live, dead, outgoing } = this.#facts;
    return [...nodes.keys()]
      .filter((node) => live.has(node) && !dead.has(node) && !outgoing.has(node))
      .sort();
  }

  #loadOf(node: string): number {
    return this.#loads.get(node) ?? 0;
  }

  #loadOfShard({ shard }: ShardRecord): number {
    return this.#facts.loads?.get(shard) ?? 0;
  }

  #copiesOf(node: string): number {
    return this.#copies.get(node) ?? 0;
  }

  /** A node that is away is in a zone of its own. */
  #zoneOf(node: string): string {
    return this.#facts.nodes.get(node)?.zone ?? `away ${node}`;
  }

  #countInZone(nodes: readonly string[], zone: string): number {
    return nodes.filter((node) => this.#zoneOf(node) === zone).length;
  }

  #countZones(nodes: readonly string[]): number {
    return new Set(nodes.map((node) => this.#zoneOf(node))).size;
  }
}
