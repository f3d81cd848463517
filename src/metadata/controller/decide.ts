/**
 * What the controller does next: a pure function of what it observes.
 *
 * Every action is one guarded transaction, leaves the cluster in a valid state, and is decided anew from
 * what is there afterwards, so that losing leadership between two of them loses nothing. Moves
 * of replicas are further actions of this kind: each step of one is a change of one record.
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
import type { ShardLayout } from '../cluster-records.ts';
import { placeShards } from './place-shards.ts';
import { decidePreferred } from './prefer-primaries.ts';

export interface ObservedKind {
  readonly kind: StoreKind;
  readonly layout: ShardLayout;
  /** By shard; fewer than the layout says while the map is being made. */
  readonly placed: ReadonlyMap<number, ShardRecord>;
}

export interface Observed {
  readonly map: ClusterMap;
  /** Those that are set up. */
  readonly kinds: readonly ObservedKind[];
  /** For how long, in ms, the same nodes have been alive. */
  readonly calmMs: number;
}

export type Action =
  /** Records that do not exist yet. */
  | { readonly kind: 'place'; readonly store: StoreKind; readonly records: readonly ShardRecord[] }
  /** A record in place of the one that was observed: same `revision`, `version` one higher. */
  | { readonly kind: 'change'; readonly store: StoreKind; readonly record: ShardRecord };

export interface DecisionRules {
  /** A new cluster is placed when its nodes have been the same for so long: others may be about to join. */
  readonly settleMs: number;
  /** Primaries are evened out when the nodes have been the same for so long. */
  readonly balanceAfterMs: number;
}

export const defaultRules: DecisionRules = { settleMs: 2_000, balanceAfterMs: 10_000 };

/** Records in one transaction, of which a store takes 128 operations. */
const placeBatch = 100;

/** Once some shards are placed the rest follows without waiting: a placement was cut short. */
function decidePlacement(
  observed: Observed,
  { kind, layout, placed }: ObservedKind,
  rules: DecisionRules,
): readonly Action[] {
  const live = liveNodesOf(observed.map);
  const nodes = [...observed.map.nodes.values()].filter(({ uuid }) => live.has(uuid));
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

/** In the order in which they should be done; none = nothing to do until something changes. */
export function decide(observed: Observed, rules: DecisionRules = defaultRules): readonly Action[] {
  return observed.kinds.flatMap((one) => {
    if (one.placed.size < one.layout.shardCount) return decidePlacement(observed, one, rules);
    const isCalm = observed.calmMs >= rules.balanceAfterMs;
    const records = decidePreferred([...one.placed.values()], liveNodesOf(observed.map), isCalm);
    return records.map((record): Action => ({ kind: 'change', store: one.kind, record }));
  });
}
