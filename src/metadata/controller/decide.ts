/**
 * What the controller does next: a pure function of what it observes.
 *
 * Every action is one guarded transaction, leaves the cluster in a valid state, and is decided anew from
 * what is there afterwards, so that losing leadership between two of them loses nothing. Each step of a move
 * of a replica is a change of one record (move-replicas.ts).
 *
 * Who becomes primary when a node is gone or about to stop is not decided here: the replicas see the same
 * map and promote one of themselves, the only ones who know who is complete (replication: promotion).
 */

import {
  type ClusterMap,
  liveNodesOf,
  type ShardRecord,
  type StoreKind,
} from '../../model/cluster.ts';
import type { BalanceWish } from '../balance-wish.ts';
import type { ShardLayout } from '../cluster-records.ts';
import type { EvenLoadRules } from './even-loads.ts';
import { decideMoves, type MoveOrder } from './move-replicas.ts';
import { MoveSlots } from './move-slots.ts';
import { placeShards } from './place-shards.ts';
import { decidePreferred } from './prefer-primaries.ts';
import { type CopyLoad, type LoadFloors, weighShards } from './shard-loads.ts';

export interface ObservedKind {
  readonly kind: StoreKind;
  readonly layout: ShardLayout;
  /** By shard; fewer than the layout says while the map is being made. */
  readonly placed: ReadonlyMap<number, ShardRecord>;
}

/** What is known of nodes beside the map. */
export interface NodeFacts {
  /** The operator wants no replica on them. */
  readonly outgoing: ReadonlySet<string>;
  /** For how long, in ms, nodes that shards name have been away. */
  readonly absentMs: ReadonlyMap<string, number>;
  /** Away, and the operator says for good: their grace period is over. */
  readonly givenUp: ReadonlySet<string>;
  /** `replicaName` of those that said lately that they have all of their data. */
  readonly complete: ReadonlySet<string>;
  /** `replicaName` of those that could not be opened lately. */
  readonly unfit?: ReadonlySet<string> | undefined;
  /** By `shardName`; undefined = not known now. */
  readonly loads?: ReadonlyMap<string, CopyLoad> | undefined;
}

export function shardName(kind: StoreKind, shard: number): string {
  return `${kind}/${shard}`;
}

export function replicaName(kind: StoreKind, shard: number, node: string): string {
  return `${kind}/${shard}/${node}`;
}

export interface Observed {
  readonly map: ClusterMap;
  /** Those that are set up. */
  readonly kinds: readonly ObservedKind[];
  /** For how long, in ms, the same nodes have been alive. */
  readonly calmMs: number;
  /** Undefined = no replica is moved. */
  readonly nodes?: NodeFacts | undefined;
  /** The operator wants copies evened out now; undefined = as it comes. */
  readonly balance?: BalanceWish | undefined;
}

export type Action =
  /** Records that do not exist yet. */
  | { readonly kind: 'place'; readonly store: StoreKind; readonly records: readonly ShardRecord[] }
  /** A record in place of the one that was observed: same `revision`, `version` one higher. */
  | { readonly kind: 'change'; readonly store: StoreKind; readonly record: ShardRecord }
  /** Everything is as even as it was wished for: the wish goes. */
  | { readonly kind: 'balanced'; readonly wish: BalanceWish };

export interface DecisionRules {
  /** A new cluster is placed when its nodes have been the same for so long: others may be about to join. */
  readonly settleMs: number;
  /** Primaries are evened out when the nodes have been the same for so long. */
  readonly balanceAfterMs: number;
  /** A node that was away for so long is replaced. */
  readonly replaceAfterMs: number;
}

export const defaultRules: DecisionRules = {
  settleMs: 2_000,
  balanceAfterMs: 10_000,
  replaceAfterMs: 600_000,
};

/** Loads that are evened out without being asked to: what it takes must be worth it. */
const ownLoadRules: EvenLoadRules & LoadFloors = {
  slack: 0.25,
  gainMin: 0.1,
  heldBytesMin: 1024 ** 3,
  writtenBytesPerSecondMin: 4 * 1024 ** 2,
};

/** When the operator asks. */
const askedLoadRules: EvenLoadRules & LoadFloors = {
  slack: 0.05,
  gainMin: 0.02,
  heldBytesMin: 1,
  writtenBytesPerSecondMin: 1,
};

/** Records in one transaction, of which a store takes 128 operations. */
const placeBatch = 100;

/** Once some shards are placed the rest follows without waiting: a placement was cut short. */
function decidePlacement(
  observed: Observed,
  { kind, layout, placed }: ObservedKind,
  rules: DecisionRules,
): readonly Action[] {
  const live = liveNodesOf(observed.map);
  const outgoing = observed.nodes?.outgoing;
  const nodes = [...observed.map.nodes.values()].filter(
    ({ uuid }) => live.has(uuid) && outgoing?.has(uuid) !== true,
  );
  const { shardCount, replicationFactor } = layout;
  if (nodes.length < replicationFactor) return [];
  if (placed.size === 0 && observed.calmMs < rules.settleMs) return [];
  const made = placeShards({ nodes, shardCount, replicationFactor, placed });
  const actions: Action[] = [];
  for (let i = 0; i < made.length; i += placeBatch) {
    actions.push({ kind: 'place', store: kind, records: made.slice(i, i + placeBatch) });
  }
  return actions;
}

/** Nodes that are away for good, as far as anyone can tell. */
export function findDead({ absentMs, givenUp }: NodeFacts, rules: DecisionRules): Set<string> {
  const dead = new Set<string>();
  for (const [node, ms] of absentMs) {
    if (ms >= rules.replaceAfterMs || givenUp.has(node)) dead.add(node);
  }
  return dead;
}

function makeSlots({ kinds }: Observed): MoveSlots {
  let surplus = 0;
  for (const { placed, layout } of kinds) {
    for (const { replicas, leaving } of placed.values()) {
      if (leaving === undefined && replicas.length > layout.replicationFactor) surplus++;
    }
  }
  return new MoveSlots(
    kinds.flatMap(({ placed }) => [...placed.values()]),
    surplus,
  );
}

function decideMovesOf(
  { map, calmMs, nodes: facts, balance }: Observed,
  { kind, layout, placed }: ObservedKind,
  rules: DecisionRules,
  slots: MoveSlots,
): readonly ShardRecord[] {
  if (facts === undefined) return [];
  const records = [...placed.values()];
  const { loads, unfit } = facts;
  const evenLoad = balance === undefined ? ownLoadRules : askedLoadRules;
  const isByLoad = loads !== undefined && balance?.by !== 'count';
  const loadOf = (shard: number) => loads?.get(shardName(kind, shard));
  const order: MoveOrder = {
    records,
    nodes: map.nodes,
    live: liveNodesOf(map),
    replicationFactor: layout.replicationFactor,
    outgoing: facts.outgoing,
    dead: findDead(facts, rules),
    absentMs: (node) => facts.absentMs.get(node) ?? 0,
    isComplete: (shard, node) => facts.complete.has(replicaName(kind, shard, node)),
    mayBalance: calmMs >= rules.balanceAfterMs || balance !== undefined,
    loads: isByLoad ? weighShards(records, loadOf, evenLoad) : undefined,
    evenLoad,
    isUnfit: (shard, node) => unfit?.has(replicaName(kind, shard, node)) === true,
  };
  return decideMoves(order, slots);
}

/** All copies are where they are to be, and what was to be evened out was looked at. */
function isFulfilled({ map, kinds, nodes, balance }: Observed): boolean {
  if (balance === undefined || nodes === undefined) return false;
  if (balance.by === 'load' && nodes.loads === undefined) return false;
  const live = liveNodesOf(map);
  return kinds.every(
    ({ layout, placed }) =>
      placed.size === layout.shardCount &&
      [...placed.values()].every(
        ({ replicas, primary, preferred = primary, learner, leaving, degraded, isNew }) =>
          learner === undefined &&
          leaving === undefined &&
          preferred === primary &&
          !degraded &&
          !isNew &&
          replicas.length === layout.replicationFactor &&
          replicas.every((node) => live.has(node)),
      ),
  );
}

/** In the order in which they should be done; none = nothing to do until something changes. */
export function decide(observed: Observed, rules: DecisionRules = defaultRules): readonly Action[] {
  const actions = decideChanges(observed, rules);
  const { balance } = observed;
  if (actions.length > 0 || balance === undefined || !isFulfilled(observed)) return actions;
  return [{ kind: 'balanced', wish: balance }];
}

function decideChanges(observed: Observed, rules: DecisionRules): readonly Action[] {
  const slots = makeSlots(observed);
  const isCalm = observed.calmMs >= rules.balanceAfterMs || observed.balance !== undefined;
  const live = new Set(liveNodesOf(observed.map));
  for (const node of observed.nodes?.outgoing ?? []) live.delete(node);
  return observed.kinds.flatMap((one) => {
    if (one.placed.size < one.layout.shardCount) return decidePlacement(observed, one, rules);
    const moves = decideMovesOf(observed, one, rules, slots);
    const moved = new Set(moves.map(({ shard }) => shard));
    const others = [...one.placed.values()].filter(({ shard }) => !moved.has(shard));
    const records = [...moves, ...decidePreferred(others, live, isCalm && moves.length === 0)];
    return records.map((record): Action => ({ kind: 'change', store: one.kind, record }));
  });
}
