/**
 * What nodes say of their replicas, as the controller last asked for it: only when it must know, and never more often than what
 * it needs it for allows. Nothing of it is written to the metadata store.
 */

import type { Clock } from '../../env/env.ts';
import type { StoreKind } from '../../model/cluster.ts';
import { shardName } from './decide.ts';
import { type CopyLoad, joinLoads } from './shard-loads.ts';

export interface ReplicaReport {
  readonly kind: StoreKind;
  readonly shard: number;
  /** Its store is open. */
  readonly isOpen: boolean;
  /** It has all of its data. */
  readonly isComplete: boolean;
  readonly load: CopyLoad;
}

export interface NodeReport {
  readonly node: string;
  readonly replicas: readonly ReplicaReport[];
}

/** Asks every node that is alive; those that do not answer in time are left out. */
export type AskReplicas = () => Promise<readonly NodeReport[]>;

export class ReplicaReports {
  readonly #clock: Clock;
  readonly #ask: AskReplicas;
  #askedMs = Number.NEGATIVE_INFINITY;
  #last: readonly NodeReport[] = [];

  constructor(clock: Clock, ask: AskReplicas) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** 0 = of now. */
  async get(ageMsMax: number): Promise<readonly NodeReport[]> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#askedMs >= ageMsMax) {
      this.#last = await this.#ask();
      this.#askedMs = nowMs;
    }
    return this.#last;
  }
}

/** By `shardName`. */
export function loadsOf(reports: readonly NodeReport[]): ReadonlyMap<string, CopyLoad> {
  const loads = new Map<string, CopyLoad>();
  for (const { replicas } of reports) {
    for (const { kind, shard, isComplete, load } of replicas) {
      const name = shardName(kind, shard);
      if (isComplete) loads.set(name, joinLoads(loads.get(name), load));
    }
  }
  return loads;
}
