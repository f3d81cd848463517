/**
 * From start to active: a replica with data catches up with a majority first; one without gets a snapshot, unless
 * the shard is new, or nobody has any data.
 */

import type { ReplicaCore } from './replica-core.ts';

/** Nobody heard for so long after the start: goes on with what is here. */
const lonelyPatienceMs = 2_000;
/** What peers say of themselves counts for so long. */
const standingLifeMs = 2_000;
/** Between attempts to say that a new shard has its first replica. */
const claimMs = 1_000;

export class Phases {
  readonly #core: ReplicaCore;
  #claimedMs = Number.NEGATIVE_INFINITY;
  #isClaim = false;

  constructor(core: ReplicaCore) {
    this.#core = core;
  }

  /** Called when anything changed that may end a phase. */
  judge(): void {
    const core = this.#core;
    if (core.phase === 'catching-up' && this.#hasCaughtUp()) core.phase = 'active';
  }

  tick(): void {
    const core = this.#core;
    const { record } = core;
    if (record === undefined) return;
    if (core.isPrimary && record.isNew) this.#claim();
    else if (core.phase === 'empty' && core.isPrimary && this.#isAllEmpty()) {
      core.alarm('no replica of the shard has data', {});
      core.saveEmpty(false);
    }
    this.judge();
  }

  /** The record has changed by the proposal of this replica: the shard is no longer new, and nothing was written to it. */
  proposed(result: 'done' | 'lost' | 'unknown'): void {
    if (this.#isClaim && result === 'done') this.#core.saveEmpty(false);
    this.#isClaim = false;
  }

  stateSaved(isEmpty: boolean): void {
    const core = this.#core;
    if (core.phase === 'rebuilding' && isEmpty) core.effects.push({ kind: 'renew-store' });
    if (core.phase !== 'empty' || isEmpty) return;
    core.phase = 'catching-up';
    this.judge();
  }

  #claim(): void {
    const core = this.#core;
    if (!core.isAttached || core.nowMs - this.#claimedMs < claimMs) return;
    this.#claimedMs = core.nowMs;
    this.#isClaim = core.propose({ isNew: false });
  }

  #isAllEmpty(): boolean {
    const core = this.#core;
    for (const peer of core.peers.values()) {
      const isFresh = peer.hasStandingSince(core.nowMs - standingLifeMs);
      if (!isFresh || peer.phase !== 'empty') return false;
    }
    return true;
  }

  #hasCaughtUp(): boolean {
    const core = this.#core;
    if (core.record === undefined) return false;
    if (core.isAlone) return true;
    let covered = core.isMember ? 1 : 0;
    let isBehindHeard = false;
    let heard = 1;
    for (const peer of core.members()) {
      if (peer.coveredMs >= core.startedMs) covered++;
      if (!peer.hasStandingSince(core.nowMs - standingLifeMs) || !peer.isComplete) continue;
      heard++;
      if (peer.coveredMs < core.startedMs) isBehindHeard = true;
    }
    if (covered >= core.majority) return true;
    if (!core.isMember || core.nowMs - core.startedMs < lonelyPatienceMs) return false;
    return heard < core.majority && !isBehindHeard;
  }
}
