/** Sends pulls: the one question between replicas, asked by catch-up, candidates and fresh reads alike. */

import type { PeerView } from './peer-view.ts';
import type { ReplicaCore } from './replica-core.ts';
import type { Stability } from './stability.ts';
import type { Versions } from './version-vector.ts';

/** A pull that was not answered for so long is lost. */
export const pullLifeMs = 600;

export interface PullQuestion {
  /** An epoch to promise first; 0 = none. */
  readonly prepare: number;
  readonly isUrgent: boolean;
  /** Comes back in the answer; made anew by default. */
  readonly id?: number;
}

export class Puller {
  readonly #core: ReplicaCore;
  readonly #stability: Stability;

  constructor(core: ReplicaCore, stability: Stability) {
    this.#core = core;
    this.#stability = stability;
  }

  pull(peer: PeerView, question: PullQuestion): void {
    const core = this.#core;
    if (!core.isHolder) return;
    const { prepare, isUrgent, id = core.nextId() } = question;
    // A pull under way is followed to its end: frequent questions of others must not hide its answer.
    const isUnderWay = peer.pull !== undefined && core.nowMs - peer.pull.sentMs < pullLifeMs;
    if (!isUnderWay || question.id === undefined) {
      peer.pull = { id, sentMs: core.nowMs, isUrgent };
      peer.hasProgress = false;
    }
    const standing = core.standing();
    const received = this.#receivedAhead();
    const reports = this.#stability.reportsFor(peer);
    core.send(peer.node, { kind: 'pull', standing, received, isUrgent, prepare, id, reports });
  }

  #receivedAhead(): Versions {
    const { received, versions } = this.#core;
    const ahead: Record<string, number> = {};
    for (const [origin, sequence] of received) {
      if (sequence > versions.get(origin)) ahead[origin] = sequence;
    }
    return ahead;
  }
}
