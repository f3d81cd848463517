/**
 * Moves of replicas: which record should change next so that every shard has as many complete copies as it
 * should, on nodes that are to stay, over zones, and evenly. Pure.
 *
 * A move is a row of single changes, each right by itself and decided anew from the record that is there:
 * learner -> member (by the learner's own proposal) -> another primary, if need be -> leaving -> out of the
 * record (by the leaving replica's own proposal, once it is drained). Nothing about a move is kept anywhere else, so that
 * whoever is the leader goes on from any of these records.
 *
 * A copy is given up only when the shard has more than it needs and all others are alive. A node that was
 * away for the grace period is taken out without its word; what only it had comes back when it does (replication: membership).
 */

import type { NodeRecord, ShardRecord } from '../../model/cluster.ts';
import type { CopyMove, EvenLoadRules } from './even-loads.ts';
import type { MoveSlots } from './move-slots.ts';
import { PlacementView } from './placement-view.ts';
import type { ShardLoads } from './shard-loads.ts';

/** A move whose other parties were away for so long is taken back. */
const rollBackAfterMs = 10_000;

export interface MoveOrder {
  /** All shards of a kind. */
  readonly records: readonly ShardRecord[];
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  /** Nodes that can be primaries. */
  readonly live: ReadonlySet<string>;
  readonly replicationFactor: number;
  /** To be left by their replicas. */
  readonly outgoing: ReadonlySet<string>;
  /** Not coming back, as far as anyone can tell. */
  readonly dead: ReadonlySet<string>;
  /** For how long, in ms, a node has been away; 0 = it is alive. */
  readonly absentMs: (node: string) => number;
  /** This replica said lately that it has all of its data. */
  readonly isComplete: (shard: number, node: string) => boolean;
  /** Copies may move for evenness alone. */
  readonly mayBalance: boolean;
  /** Undefined = only numbers of copies are evened out. */
  readonly loads: ShardLoads | undefined;
  readonly evenLoad: EvenLoadRules;
  /** The node could not open its copy of the shard lately: it gets none for a while. */
  readonly isUnfit: (shard: number, node: string) => boolean;
}

export function withChange(record: ShardRecord, change: Partial<ShardRecord>): ShardRecord {
  return { ...record, ...change, version: record.version + 1 };
}

class MovePlan {
  readonly #order: MoveOrder;
  readonly #slots: MoveSlots;
  readonly #view: PlacementView;

  constructor(order: MoveOrder, slots: MoveSlots) {
    this.#order = order;
    this.#slots = slots;
    this.#view = new PlacementView(order);
  }

  decide(): ShardRecord[] {
    const changed: ShardRecord[] = [];
    const add = (record: ShardRecord | undefined) => {
      if (record !== undefined) changed.push(record);
    };
    const { records, mayBalance } = this.#order;
    for (const record of records) if (!record.isNew) add(this.#next(record));
    if (changed.length > 0 || !mayBalance || records.some((one) => !this.#isSettled(one))) {
      return changed;
    }
    for (let move = this.#balance(); move !== undefined; move = this.#balance()) changed.push(move);
    return changed.length > 0 ? changed : this.#balanceLoad();
  }

  /** Undefined = nothing to do, or something to wait for. */
  #next(record: ShardRecord): ShardRecord | undefined {
    const { replicationFactor } = this.#order;
    if (record.learner !== undefined) return this.#giveUpLearner(record, record.learner);
    if (record.leaving !== undefined) return this.#endLeaving(record, record.leaving);
    if (record.replicas.length > replicationFactor) return this.#beginLeaving(record);
    if (record.replaces !== undefined) return withChange(record, { replaces: undefined });
    const staying = record.replicas.filter((node) => this.#mayStay(node));
    return staying.length < replicationFactor ? this.#beginLearning(record, staying) : undefined;
  }

  #giveUpLearner(record: ShardRecord, learner: string): ShardRecord | undefined {
    const { absentMs, isUnfit } = this.#order;
    const isGone = absentMs(learner) >= rollBackAfterMs || isUnfit(record.shard, learner);
    return isGone || !this.#mayStay(learner)
      ? withChange(record, { learner: undefined, replaces: undefined })
      : undefined;
  }

  #endLeaving(record: ShardRecord, leaving: string): ShardRecord | undefined {
    const { dead, absentMs, replicationFactor } = this.#order;
    const others = record.replicas.filter((node) => node !== leaving);
    const isStuck = others.some((node) => absentMs(node) >= rollBackAfterMs);
    const isWrong = record.primary === leaving || others.length < replicationFactor;
    if (isStuck || isWrong) return withChange(record, { leaving: undefined });
    if (!dead.has(leaving) || !this.#areAllHere(record.shard, others)) return undefined;
    return withChange(record, { leaving: undefined, replicas: others });
  }

  #beginLeaving(record: ShardRecord): ShardRecord | undefined {
    const { live, dead } = this.#order;
    const leaver = this.#view.chooseLeaver(record);
    const others = record.replicas.filter((node) => node !== leaver);
    if (record.degraded || others.some((node) => !live.has(node))) return undefined;
    if (!dead.has(leaver) && !live.has(leaver)) return undefined;
    if (leaver === record.primary) return this.#wishForOther(record, others);
    if (!this.#slots.takeForLeaving(leaver)) return undefined;
    this.#view.count(record, leaver, -1);
    return withChange(record, { leaving: leaver, preferred: undefined, replaces: undefined });
  }

  /** A primary does not leave: another member takes over first. */
  #wishForOther(record: ShardRecord, others: readonly string[]): ShardRecord | undefined {
    const { preferred, primary } = record;
    // The replicas themselves replace a primary that is gone.
    if (!this.#order.live.has(primary)) return undefined;
    if (preferred !== undefined && preferred !== primary && others.includes(preferred)) {
      return undefined;
    }
    const wanted = this.#view.chooseNextPrimary(others.filter((node) => this.#mayStay(node)));
    return wanted === undefined ? undefined : withChange(record, { preferred: wanted });
  }

  #beginLearning(record: ShardRecord, staying: readonly string[]): ShardRecord | undefined {
    const { live } = this.#order;
    if (!live.has(record.primary)) return undefined;
    const isFree = (node: string) => this.#slots.isFreeForLearning(node);
    const learner = this.#view.chooseLearner(record, staying, isFree);
    if (learner === undefined || !this.#slots.takeForLearning(learner)) return undefined;
    this.#view.count(record, learner, 1);
    return withChange(record, { learner });
  }

  #balance(): ShardRecord | undefined {
    const { records } = this.#order;
    const free = records.filter((record) => this.#isSettled(record));
    const move = this.#view.chooseMove(free, (node) => this.#slots.isFreeForLearning(node));
    if (move === undefined || !this.#slots.takeForLearning(move.to)) return undefined;
    return this.#begin(move);
  }

  /** One step at a time, when nothing else is under way: what the next one is, is decided by what came of it. */
  #balanceLoad(): ShardRecord[] {
    const { records, evenLoad } = this.#order;
    const moves = this.#view.chooseLoadMoves(records, evenLoad);
    if (!this.#slots.hasRoomFor(moves.map(({ to }) => to))) return [];
    return moves.map((move) => {
      this.#slots.takeForLearning(move.to);
      return this.#begin(move);
    });
  }

  #begin({ record, from, to }: CopyMove): ShardRecord {
    this.#view.count(record, from, -1);
    this.#view.count(record, to, 1);
    this.#view.exclude(record);
    return withChange(record, { learner: to, replaces: from });
  }

  /** As it should be, and nothing is going on. */
  #isSettled({ replicas, learner, leaving, degraded, isNew }: ShardRecord): boolean {
    const { live, replicationFactor } = this.#order;
    const isAtRest = learner === undefined && leaving === undefined && !degraded && !isNew;
    const isRight = replicas.length === replicationFactor;
    return isAtRest && isRight && replicas.every((node) => live.has(node) && this.#mayStay(node));
  }

  #mayStay(node: string): boolean {
    return !this.#order.dead.has(node) && !this.#order.outgoing.has(node);
  }

  #areAllHere(shard: number, nodes: readonly string[]): boolean {
    const { live, isComplete } = this.#order;
    return nodes.every((node) => live.has(node) && isComplete(shard, node));
  }
}

/** Changed records. `slots` are those of the whole cluster, and taken from. */
export function decideMoves(order: MoveOrder, slots: MoveSlots): readonly ShardRecord[] {
  return new MovePlan(order, slots).decide();
}
