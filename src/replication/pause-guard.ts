/**
 * What a replica does that stood still for a while: its process was stopped, or the machine under it.
 *
 * Meanwhile another may have become primary, and what waits here may have been given up and carried out there, with
 * newer writes after it. So it asks all the others at once, and until it has what each of them had it takes no local
 * writes and answers no fresh reads. Those that say nothing are waited for as `auto` waits, and no longer.
 */

import { autoPatienceMs } from './ack-levels.ts';
import type { Puller } from './puller.ts';
import type { ReplicaCore } from './replica-core.ts';

/** Brokers ask another replica after so long (broker/route/write-route.ts); ticks come every 50 ms. */
const pauseMs = 1_000;
/** Others have been heard, but what they had does not come: they take the writes meanwhile, yet not for ever. */
const patienceMaxMs = 2_000;

export class PauseGuard {
  readonly #core: ReplicaCore;
  readonly #puller: Puller;
  /** Monotonic ms of the last step, or of the opening; undefined = it does not tick. */
  #lastMs: number | undefined;
  #wokeMs = Number.NEGATIVE_INFINITY;
  #hasAsked = true;

  constructor(core: ReplicaCore, puller: Puller) {
    this.#core = core;
    this.#puller = puller;
    this.#lastMs = core.startedMs;
  }

  /** Before anything else is looked at, whatever the time is. */
  note(): void {
    const core = this.#core;
    const { nowMs } = core;
    const lastMs = this.#lastMs;
    if (lastMs === undefined || core.faults.ignoresPauses === true) return;
    this.#lastMs = nowMs;
    if (core.peers.size === 0) {
      // Alone it does not tick, and nobody else takes its writes.
      this.#lastMs = undefined;
      core.isWaking = false;
      return;
    }
    if (nowMs - lastMs >= pauseMs) {
      this.#wokeMs = nowMs;
      this.#hasAsked = false;
      core.isWaking = true;
    } else if (core.isWaking && this.#hasHeard()) core.isWaking = false;
  }

  /** Within a step. */
  ask(): void {
    if (this.#hasAsked) return;
    this.#hasAsked = true;
    for (const peer of this.#core.members())
      this.#puller.pull(peer, { prepare: 0, isUrgent: true });
  }

  tick(): void {
    this.#lastMs ??= this.#core.nowMs;
  }

  #hasHeard(): boolean {
    const core = this.#core;
    const waitedMs = core.nowMs - this.#wokeMs;
    let isComplete = true;
    let isBehind = false;
    for (const peer of core.members()) {
      if (peer.coveredMs >= this.#wokeMs) continue;
      // Without complete data it brings nothing. What it said before has changed perhaps, and may lie here unread.
      if (!peer.isComplete && peer.answeredMs >= this.#wokeMs) continue;
      isComplete = false;
      if (peer.heardMs >= this.#wokeMs) isBehind = true;
    }
    if (isComplete || waitedMs >= patienceMaxMs) return true;
    return waitedMs >= autoPatienceMs && !isBehind;
  }
}
