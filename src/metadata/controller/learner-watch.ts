/**
 * Learners whose node is alive and answers, and that are not open all the same: their store cannot be opened. After a while
 * they are given up, and the shard is not put there again for a time. By this controller's own watch: the next one begins anew.
 */

import type { StoreKind } from '../../model/cluster.ts';
import { replicaName } from './decide.ts';
import type { NodeReport } from './replica-reports.ts';

/** A store that takes longer to open is given up; its node tries again every 5 s. */
const learnerOpenMs = 60_000;
/** The shard is not put on the node again for so long. */
const unfitMs = 600_000;

export interface Learner {
  readonly kind: StoreKind;
  readonly shard: number;
  readonly node: string;
}

export class LearnerWatch {
  /** By `replicaName`, monotonic ms: when it was first seen not to be open. */
  readonly #closedSince = new Map<string, number>();
  readonly #unfitSince = new Map<string, number>();

  /** `replicaName` of those that are to be given up, or were. */
  look(
    learners: readonly Learner[],
    reports: readonly NodeReport[],
    nowMs: number,
  ): ReadonlySet<string> {
    const answers = new Map(reports.map(({ node, replicas }) => [node, replicas]));
    const closed = new Set<string>();
    for (const { kind, shard, node } of learners) {
      const replicas = answers.get(node);
      if (replicas === undefined) continue;
      const own = replicas.find((one) => one.kind === kind && one.shard === shard);
      if (own?.isOpen !== true) closed.add(replicaName(kind, shard, node));
    }
    for (const name of this.#closedSince.keys()) {
      if (!closed.has(name)) this.#closedSince.delete(name);
    }
    for (const name of closed) {
      const since = this.#closedSince.get(name) ?? nowMs;
      this.#closedSince.set(name, since);
      if (nowMs - since >= learnerOpenMs) this.#unfitSince.set(name, nowMs);
    }
    for (const [name, since] of this.#unfitSince) {
      if (nowMs - since >= unfitMs) this.#unfitSince.delete(name);
    }
    return new Set(this.#unfitSince.keys());
  }
}
