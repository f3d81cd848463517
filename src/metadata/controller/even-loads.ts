/**
 * Which copies should change places so that nodes are loaded alike: pure. Numbers of copies are even already and stay so:
 * a copy moves from a node with one more than the other, or two copies change places.
 *
 * It ends: each choice takes at least `gainMin` of the mean node's load from the fuller node to the emptier one without turning
 * their order round by as much, so the sum of squares of the nodes' loads falls by a fixed least amount. And it
 * rests: nothing is chosen while the fullest node has less than `slack` above the mean.
 */

import type { ShardRecord } from '../../model/cluster.ts';
import type { ShardLoads } from './shard-loads.ts';

export interface CopyMove {
  readonly record: ShardRecord;
  readonly from: string;
  readonly to: string;
}

export interface EvenLoadRules {
  /** Of the mean node's load: the fullest node may have so much more. */
  readonly slack: number;
  /** What a choice must at least bring, of the mean node's load, and of that of the copy that moves: less may be noise. */
  readonly gainMin: number;
}

interface LoadedNodes {
  /** That may hold copies, in a fixed order. */
  readonly nodes: readonly string[];
  /** That may move, and nothing is going on with them. */
  readonly records: readonly ShardRecord[];
  readonly loads: ShardLoads;
  readonly loadOf: (node: string) => number;
  readonly copiesOf: (node: string) => number;
  /** Whether the copy may go there: it is not there yet, and zones are not worse off. */
  readonly mayMove: (record: ShardRecord, from: string, to: string) => boolean;
}

interface Choice {
  readonly moves: readonly CopyMove[];
  /** What the fuller of the two nodes has afterwards. */
  readonly rest: number;
}

function better(a: Choice | undefined, b: Choice | undefined): Choice | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.rest < a.rest ? b : a;
}

class LoadPlan {
  readonly #nodes: LoadedNodes;
  readonly #gainMin: number;
  readonly #mean: number;
  readonly fullest: readonly string[];

  constructor(nodes: LoadedNodes, { slack, gainMin }: EvenLoadRules) {
    this.#nodes = nodes;
    const loads = nodes.nodes.map(nodes.loadOf);
    this.#mean = loads.reduce((sum, load) => sum + load, 0) / Math.max(1, loads.length);
    this.#gainMin = gainMin;
    this.fullest = nodes.nodes
      .filter((node) => nodes.loadOf(node) > this.#mean * (1 + slack))
      .sort((a, b) => nodes.loadOf(b) - nodes.loadOf(a));
  }

  /** From one node to another: one copy, or two that change places. */
  choose(from: string, to: string): readonly CopyMove[] | undefined {
    const given = this.#movable(from, to);
    const single = this.#single(given, from, to);
    return better(single, this.#swap(given, this.#movable(to, from), from, to))?.moves;
  }

  #movable(from: string, to: string): ShardRecord[] {
    const { records, mayMove } = this.#nodes;
    return records.filter((record) => mayMove(record, from, to));
  }

  #single(given: readonly ShardRecord[], from: string, to: string): Choice | undefined {
    const { copiesOf } = this.#nodes;
    if (copiesOf(from) - copiesOf(to) < 1) return undefined;
    let best: Choice | undefined;
    for (const record of given) {
      const moves = [{ record, from, to }];
      best = better(best, this.#weigh(moves, this.#loadOf(record), from, to));
    }
    return best;
  }

  /** For each copy of the one node the copy of the other that comes nearest to half of the difference. */
  #swap(
    given: readonly ShardRecord[],
    taken: readonly ShardRecord[],
    from: string,
    to: string,
  ): Choice | undefined {
    const half = (this.#nodes.loadOf(from) - this.#nodes.loadOf(to)) / 2;
    const byLoad = (a: ShardRecord, b: ShardRecord) => this.#loadOf(a) - this.#loadOf(b);
    const light = [...taken].sort(byLoad);
    let best: Choice | undefined;
    let at = 0;
    for (const record of [...given].sort(byLoad)) {
      const wanted = this.#loadOf(record) - half;
      while (at < light.length && this.#loadOf(light[at]!) < wanted) at++;
      for (const other of [light[at - 1], light[at]]) {
        if (other === undefined) continue;
        const moves = [
          { record, from, to },
          { record: other, from: to, to: from },
        ];
        const moved = this.#loadOf(record) - this.#loadOf(other);
        best = better(best, this.#weigh(moves, moved, from, to));
      }
    }
    return best;
  }

  /** Undefined: not worth it. */
  #weigh(moves: readonly CopyMove[], moved: number, from: string, to: string): Choice | undefined {
    const { loadOf } = this.#nodes;
    const [first] = moves;
    if (first === undefined) return undefined;
    const gap = loadOf(from) - loadOf(to);
    const gain = this.#gainMin * Math.max(this.#mean, this.#loadOf(first.record));
    if (moved < gain || gap - moved < gain) return undefined;
    return { moves, rest: Math.max(loadOf(from) - moved, loadOf(to) + moved) };
  }

  #loadOf({ shard }: ShardRecord): number {
    return this.#nodes.loads.get(shard) ?? 0;
  }
}

/** None = the nodes are even enough, or nothing would make them more so. */
export function chooseLoadMoves(nodes: LoadedNodes, rules: EvenLoadRules): readonly CopyMove[] {
  const plan = new LoadPlan(nodes, rules);
  for (const from of plan.fullest) {
    const emptiest = nodes.nodes
      .filter((node) => nodes.loadOf(node) < nodes.loadOf(from))
      .sort((a, b) => nodes.loadOf(a) - nodes.loadOf(b));
    for (const to of emptiest) {
      const moves = plan.choose(from, to);
      if (moves !== undefined) return moves;
    }
  }
  return [];
}
