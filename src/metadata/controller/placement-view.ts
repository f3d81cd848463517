/** Who holds how much, and which node is the best to take a copy or to give one up. Pure, with counts of its own. */

import type { NodeRecord, ShardRecord } from '../../model/cluster.ts';

export interface PlacementFacts {
  readonly records: readonly ShardRecord[];
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  readonly live: ReadonlySet<string>;
  readonly outgoing: ReadonlySet<string>;
  readonly dead: ReadonlySet<string>;
}

export interface CopyMove {
  readonly record: ShardRecord;
  readonly from: string;
  readonly to: string;
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
  readonly #excluded = new Set<ShardRecord>();

  constructor(facts: PlacementFacts) {
    this.#facts = facts;
    for (const { replicas, learner, leaving, primary, preferred } of facts.records) {
      for (const node of replicas) if (node !== leaving) this.count(node, 1);
      if (learner !== undefined) this.count(learner, 1);
      const first = preferred ?? primary;
      this.#primaries.set(first, (this.#primaries.get(first) ?? 0) + 1);
    }
  }

  count(node: string, by: number): void {
    this.#copies.set(node, this.#copiesOf(node) + by);
  }

  /** The record is part of a move now. */
  exclude(record: ShardRecord): void {
    this.#excluded.add(record);
  }

  /** Of the members: a dead one, one that is to go, one whose zone has others, the fullest. */
  chooseLeaver({ replicas, primary }: ShardRecord): string {
    const { dead, outgoing } = this.#facts;
    const staying = replicas.filter((node) => !dead.has(node) && !outgoing.has(node));
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
    { replicas }: ShardRecord,
    staying: readonly string[],
    isFree: (node: string) => boolean,
  ): string | undefined {
    const nodes = this.#takers().filter((node) => !replicas.includes(node));
    const rankOf = (node: string) => [
      this.#countInZone(staying, this.#zoneOf(node)),
      this.#copiesOf(node),
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

  #findMovable(records: readonly ShardRecord[], from: string, to: string): ShardRecord | undefined {
    let found: ShardRecord | undefined;
    for (const record of records) {
      const { replicas, primary } = record;
      if (this.#excluded.has(record) || !replicas.includes(from) || replicas.includes(to)) continue;
      const after = [...replicas.filter((node) => node !== from), to];
      if (this.#countZones(after) < this.#countZones(replicas)) continue;
      // The one that will leave is chosen anew then: it must be this one.
      if (this.chooseLeaver({ ...record, replicas: [...replicas, to] }) !== from) continue;
      if (primary !== from) return record;
      found ??= record;
    }
    return found;
  }

  #takers(): string[] {
    const { nodes, live, dead, outgoing } = this.#facts;
    return [...nodes.keys()]
      .filter((node) => live.has(node) && !dead.has(node) && !outgoing.has(node))
      .sort();
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
