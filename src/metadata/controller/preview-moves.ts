/**
 * What the controller would do, from here until it comes to rest: its own decisions, with replicas that do their part at
 * once. Pure; for dry runs.
 */

import { liveNodesOf, type ShardRecord, type StoreKind } from '../../model/cluster.ts';
import { type DecisionRules, decide, type Observed, replicaName } from './decide.ts';

/** A plan that is longer is shown up to here. */
const roundsMax = 10_000;

/** A copy that is made, or given up. */
export interface CopyChange {
  readonly kind: StoreKind;
  readonly shard: number;
  readonly node: string;
  readonly change: 'add' | 'remove';
}

function differencesOf(kind: StoreKind, before: ShardRecord, after: ShardRecord): CopyChange[] {
  const { shard } = before;
  const added = after.replicas.filter((node) => !before.replicas.includes(node));
  const removed = before.replicas.filter((node) => !after.replicas.includes(node));
  return [
    ...added.map((node) => ({ kind, shard, node, change: 'add' as const })),
    ...removed.map((node) => ({ kind, shard, node, change: 'remove' as const })),
  ];
}

/** What the replicas themselves do of it. */
function fulfil(record: ShardRecord, live: ReadonlySet<string>): ShardRecord {
  const { learner, leaving, preferred, primary, replicas } = record;
  let next = record;
  if (learner !== undefined && live.has(learner)) {
    next = { ...next, replicas: [...replicas, learner], learner: undefined };
  } else if (leaving !== undefined && live.has(leaving)) {
    next = {
      ...next,
      replicas: replicas.filter((node) => node !== leaving),
      leaving: undefined,
    };
  }
  const isWished = preferred !== undefined && preferred !== primary && live.has(preferred);
  return isWished ? { ...next, primary: preferred, preferred: undefined } : next;
}

/** The copies that will be made and given up, in no special order. */
export function previewMoves(observed: Observed, rules: DecisionRules): readonly CopyChange[] {
  const live = liveNodesOf(observed.map);
  const kinds = observed.kinds.map((one) => ({ ...one, placed: new Map(one.placed) }));
  const complete = new Set<string>();
  for (const { kind, placed } of kinds) {
    for (const { shard, replicas } of placed.values()) {
      for (const node of replicas) complete.add(replicaName(kind, shard, node));
    }
  }
  for (let round = 0; round < roundsMax; round++) {
    const calmMs = Number.POSITIVE_INFINITY;
    const nodes = observed.nodes && { ...observed.nodes, complete };
    const actions = decide({ ...observed, kinds, calmMs, nodes }, rules).filter(
      ({ kind }) => kind !== 'balanced',
    );
    const isIdle = !kinds.some(({ placed }) =>
      [...placed.values()].some((record) => fulfil(record, live) !== record),
    );
    if (actions.length === 0 && isIdle) break;
    for (const action of actions) {
      if (action.kind !== 'change') continue;
      kinds
        .find(({ kind }) => kind === action.store)
        ?.placed.set(action.record.shard, action.record);
    }
    for (const { kind, placed } of kinds) {
      for (const [shard, record] of placed) {
        const next = fulfil(record, live);
        placed.set(shard, next);
        for (const node of next.replicas) complete.add(replicaName(kind, shard, node));
      }
    }
  }
  return observed.kinds.flatMap(({ kind, placed }, i) =>
    [...placed.values()].flatMap((record) => {
      const after = kinds[i]?.placed.get(record.shard);
      return after === undefined ? [] : differencesOf(kind, record, after);
    }),
  );
}
