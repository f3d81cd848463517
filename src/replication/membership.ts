/**
 * How a replica comes into its shard's record and out of it again, by proposals of its own that the record's
 * revision guards. The controller only names the learner and the leaving one.
 *
 *  - A learner becomes a member when it had, a moment ago, all that the primary and every member alive had.
 *  - A leaving replica takes no local writes. When its last one is durable and every other member has answered that it has
 *    all that is here, it takes itself out.
 *  - A replica that is no longer in the record gives the members what only it has, and retires once they have all of it.
 *    So one that was removed while it was away loses nothing either, unless what it missed meanwhile was garbage-collected:
 *    then its files stay.
 */

import type { EntryIntake } from './entry-intake.ts';
import { findMissing } from './missing-entries.ts';
import type { PeerBody } from './peer-message.ts';
import type { PeerView } from './peer-view.ts';
import type { ReplicaCore } from './replica-core.ts';
import { type Versions, VersionVector } from './version-vector.ts';

/** A learner that was so far behind at most becomes a member. */
const lagMaxMs = 1_000;
/** Between proposals. */
const retryMs = 1_000;
/** What a member said it has counts for so long. */
const answerLifeMs = 3_000;
/** Between questions of a replica that is no longer in the record. */
const askMs = 500;
/** Reads that began before the removal have so long to end. */
const lingerMs = 2_000;
/** Between attempts to retire. */
const retireRetryMs = 5_000;

interface Answer {
  readonly versions: Versions;
  readonly takenMs: number;
}

export class Membership {
  readonly #core: ReplicaCore;
  readonly #intake: EntryIntake;
  /** Of members with complete data that are to stay, by node. */
  readonly #answers = new Map<string, Answer>();
  #proposedMs = Number.NEGATIVE_INFINITY;
  #askedMs = Number.NEGATIVE_INFINITY;
  #retiredMs = Number.NEGATIVE_INFINITY;
  #outsideFromMs: number | undefined;
  #hasAlarm = false;

  constructor(core: ReplicaCore, intake: EntryIntake) {
    this.#core = core;
    this.#intake = intake;
  }

  tick(): void {
    const core = this.#core;
    const { record, self } = core;
    if (record === undefined) return;
    if (!core.isHolder) {
      this.#leaveQuietly();
      return;
    }
    this.#outsideFromMs = undefined;
    this.#hasAlarm = false;
    if (record.learner === self) this.#join();
    else if (record.leaving === self) this.#leave();
    else this.#answers.clear();
  }

  onPullEnd(from: string, { standing }: Extract<PeerBody, { kind: 'pull-end' }>): void {
    const core = this.#core;
    const isOnWayOut = !core.isHolder || core.record?.leaving === core.self;
    if (!isOnWayOut || core.record?.replicas.includes(from) !== true) return;
    const isComplete = standing.phase === 'active' || standing.phase === 'catching-up';
    if (!isComplete || standing.isLeaving) {
      this.#answers.delete(from);
      return;
    }
    const { versions } = standing;
    this.#answers.set(from, { versions, takenMs: core.nowMs });
    if (!core.isHolder) this.#donate(from, versions);
  }

  /** A member has garbage-collected what this replica, no longer in the record, never had. */
  onRebuild(): void {
    if (this.#hasAlarm) return;
    this.#hasAlarm = true;
    this.#core.alarm(
      'replica was removed while it was away, and deletes were completed since: its files stay',
      {},
    );
  }

  #join(): void {
    const core = this.#core;
    const { record, self, nowMs } = core;
    if (record === undefined || record.isNew || !core.isComplete || !core.isAttached) return;
    for (const peer of core.members()) {
      const isNeeded = peer.node === record.primary || core.liveNodes.has(peer.node);
      if (isNeeded && nowMs - peer.coveredMs > lagMaxMs) return;
    }
    if (!core.liveNodes.has(record.primary)) return;
    this.#propose(() => core.propose({ replicas: [...record.replicas, self], learner: undefined }));
  }

  #leave(): void {
    const core = this.#core;
    const { record, self } = core;
    if (record === undefined || core.isPrimary || !core.isAttached || !this.#isDrained()) return;
    const replicas = record.replicas.filter((node) => node !== self);
    const { preferred } = record;
    this.#propose(() =>
      core.propose({
        replicas,
        leaving: undefined,
        ...(preferred === self ? { preferred: undefined } : {}),
      }),
    );
  }

  #propose(send: () => boolean): void {
    const { nowMs } = this.#core;
    if (nowMs - this.#proposedMs >= retryMs && send()) this.#proposedMs = nowMs;
  }

  /** Every other member has, by its own recent word, all that was ever accepted here. */
  #isDrained(): boolean {
    const core = this.#core;
    const { record, self, nowMs } = core;
    if (record === undefined || this.#intake.oldestLocalHlc !== undefined) return false;
    for (const node of record.replicas) {
      if (node === self) continue;
      const answer = this.#answers.get(node);
      if (answer === undefined || nowMs - answer.takenMs > answerLifeMs) return false;
      if (!new VersionVector(answer.versions).covers(core.versions)) return false;
    }
    return true;
  }

  #leaveQuietly(): void {
    const core = this.#core;
    const { nowMs } = core;
    this.#outsideFromMs ??= nowMs;
    if (nowMs - this.#outsideFromMs < lingerMs || this.#hasAlarm) return;
    if (this.#isDrained()) {
      if (nowMs - this.#retiredMs < retireRetryMs) return;
      this.#retiredMs = nowMs;
      core.effects.push({ kind: 'retire' });
      return;
    }
    if (nowMs - this.#askedMs < askMs) return;
    this.#askedMs = nowMs;
    for (const peer of core.members()) this.#ask(peer);
  }

  /** For its standing alone: it is told that nothing is missing here. */
  #ask({ node, known }: PeerView): void {
    const core = this.#core;
    const question = { prepare: 0, isUrgent: false, id: core.nextId(), reports: [] };
    const received = known.toRecord();
    core.send(node, { kind: 'pull', standing: core.standing(), received, ...question });
  }

  #donate(to: string, versions: Versions): void {
    const core = this.#core;
    const { ranges, isTrimmed } = findMissing(core, {
      versions,
      received: {},
      isUrgent: true,
      inFlightFrom: Number.POSITIVE_INFINITY,
    });
    if (ranges.length > 0) {
      const last = core.message(to, { kind: 'standing', standing: core.standing() });
      core.effects.push({ kind: 'send-entries', to, ranges, last });
    } else if (isTrimmed && !this.#hasAlarm) {
      this.#hasAlarm = true;
      core.alarm('replica was removed, and its log lacks what only it has: its files stay', {});
    }
  }
}
