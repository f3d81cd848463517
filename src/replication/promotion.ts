/**
 * How a replica becomes primary, and what a primary does to stay one.
 *
 * A candidate promises a new epoch durably, asks the others to do so, takes over what they have, and then changes the
 * shard record by a guarded transaction. Leases and silence only start it; nothing depends on them for safety. With a
 * majority whose versions it covers the candidate is strict; without one it waits a while and is degraded.
 */

import type { PeerBody } from './peer-message.ts';
import type { Puller } from './puller.ts';
import type { ReplicaCore } from './replica-core.ts';
import type { Versions } from './version-vector.ts';

/** A primary that a majority has not heard for so long is replaced. */
const silenceMs = 2_000;
/** A peer's word about silence counts for so long. */
const standingLifeMs = 1_000;
/** Each replica that is farther than this one gets so much head start. */
const rankDelayMs = 200;
/** Without a majority for so long a candidate goes ahead degraded. */
const strictPatienceMs = 2_000;
/** The other one of two replicas is waited for so long. */
const pairPatienceMs = 500;
const askMs = 300;
/** A promise or proposal that never comes through ends the candidacy. */
const candidacyLifeMs = 10_000;
/** After a proposal of which nothing is known, or that was lost. */
const retryMs = 1_000;
/** A request of the controller counts for so long. */
const requestLifeMs = 5_000;
/** A promise above the epoch belongs to a candidate at first; only then the primary raises its own epoch. */
const raiseDelayMs = 1_000;

interface Candidacy {
  readonly epoch: number;
  readonly id: number;
  readonly recordVersion: number;
  /** Since when the promise is durable; undefined = not yet. */
  askingSinceMs: number | undefined;
  askedMs: number;
  isProposed: boolean;
  /** What those that promised had then. */
  readonly answers: Map<string, Versions>;
}

export class Promotion {
  readonly #core: ReplicaCore;
  readonly #puller: Puller;
  #candidacy: Candidacy | undefined;
  #triggeredMs: number | undefined;
  #requestedMs = Number.NEGATIVE_INFINITY;
  #retryFromMs = Number.NEGATIVE_INFINITY;
  #promiseSeenMs: number | undefined;

  constructor(core: ReplicaCore, puller: Puller) {
    this.#core = core;
    this.#puller = puller;
  }

  /** The controller asks for it. */
  request(): void {
    this.#requestedMs = this.#core.nowMs;
    this.tick();
  }

  tick(): void {
    const core = this.#core;
    const { record, nowMs } = core;
    if (record === undefined || core.isAlone) {
      this.#tickAlone();
      return;
    }
    if (core.isPrimary) {
      this.#candidacy = undefined;
      this.#triggeredMs = undefined;
      this.#requestedMs = Number.NEGATIVE_INFINITY;
      this.#raiseEpoch();
      return;
    }
    this.#promiseSeenMs = undefined;
    if (this.#candidacy !== undefined) {
      this.advance();
      return;
    }
    if (!this.#mayStand() || !this.#isTriggered()) {
      this.#triggeredMs = undefined;
      return;
    }
    this.#triggeredMs ??= nowMs;
    const delayMs = this.#isWished() ? 0 : this.#rank() * rankDelayMs;
    if (nowMs - this.#triggeredMs >= delayMs && nowMs >= this.#retryFromMs) this.#stand();
  }

  /** Something has changed that may complete a candidacy: an answer, new entries, time. */
  advance(): void {
    const core = this.#core;
    const candidacy = this.#candidacy;
    if (candidacy === undefined) return;
    const { record, nowMs } = core;
    if (record?.version !== candidacy.recordVersion || !this.#mayStand()) {
      this.#candidacy = undefined;
      return;
    }
    if (candidacy.askingSinceMs === undefined || candidacy.isProposed) {
      if (nowMs - candidacy.askedMs > candidacyLifeMs) this.#candidacy = undefined;
      return;
    }
    const waitedMs = nowMs - candidacy.askingSinceMs;
    if (this.#isStrict(candidacy, waitedMs)) {
      this.#propose(candidacy, false);
      return;
    }
    if (waitedMs >= strictPatienceMs) {
      this.#propose(candidacy, true);
      return;
    }
    if (nowMs - candidacy.askedMs >= askMs) this.#ask(candidacy);
  }

  promiseSaved(): void {
    const candidacy = this.#candidacy;
    if (candidacy === undefined || candidacy.askingSinceMs !== undefined) return;
    if (this.#core.promised < candidacy.epoch) return;
    candidacy.askingSinceMs = this.#core.nowMs;
    this.#ask(candidacy);
    this.advance();
  }

  onPullEnd(from: string, body: Extract<PeerBody, { kind: 'pull-end' }>): void {
    const candidacy = this.#candidacy;
    if (candidacy?.id !== body.id) return;
    const { promised, isLeaving, phase, versions } = body.standing;
    const hasPromised = promised >= candidacy.epoch || this.#core.faults.forgetsPromises === true;
    if (!hasPromised || isLeaving || phase !== 'active') return;
    candidacy.answers.set(from, versions);
    this.advance();
  }

  /** Whatever came of it: the next record tells, and only then is it tried again. */
  proposed(): void {
    if (this.#candidacy?.isProposed !== true) return;
    this.#candidacy = undefined;
    this.#requestedMs = Number.NEGATIVE_INFINITY;
    this.#retryFromMs = this.#core.nowMs + retryMs;
  }

  /** Alone and not primary: nobody to ask. Alone and primary: only the epoch may have to follow the promise. */
  #tickAlone(): void {
    const core = this.#core;
    if (core.record === undefined) return;
    if (core.isPrimary) {
      this.#raiseEpoch();
      return;
    }
    if (this.#candidacy !== undefined) {
      this.advance();
      return;
    }
    if (this.#mayStand() && core.nowMs >= this.#retryFromMs) this.#stand();
  }

  #mayStand(): boolean {
    const { phase, isLeaving, isAttached, canAccept } = this.#core;
    return phase === 'active' && !isLeaving && isAttached && canAccept;
  }

  /** The controller wants this replica to be primary: it said so lately, or the record does. */
  #isWished(): boolean {
    const { record, self, nowMs } = this.#core;
    return record?.preferred === self || nowMs - this.#requestedMs < requestLifeMs;
  }

  #isTriggered(): boolean {
    const core = this.#core;
    const { record, nowMs } = core;
    if (record === undefined) return false;
    if (this.#isWished() || !core.liveNodes.has(record.primary)) return true;
    const primary = core.peers.get(record.primary);
    if (primary === undefined) return true;
    const isHeard = primary.hasStandingSince(nowMs - silenceMs);
    if (isHeard && (!primary.canAccept || primary.isLeaving)) return true;
    // It lost its disk: until it is filled it takes no writes.
    if (isHeard && !primary.isComplete && !record.isNew) return true;
    return record.replicas.length > 2 && this.#isSilentForMajority(primary.silentMs(nowMs));
  }

  #isSilentForMajority(silentMs: number): boolean {
    const core = this.#core;
    const { nowMs } = core;
    if (silentMs < silenceMs) return false;
    let count = 1;
    for (const peer of core.members()) {
      const isFresh = peer.hasStandingSince(nowMs - standingLifeMs);
      if (isFresh && peer.primarySilentMs >= silenceMs) count++;
    }
    return count >= core.majority;
  }

  /** How many others should go first: those that are known to have more, then by name. */
  #rank(): number {
    const core = this.#core;
    const mine = core.versions.sum;
    let rank = 0;
    for (const peer of core.members()) {
      if (peer.node === core.record?.primary || peer.isDown(core.nowMs)) continue;
      if (peer.phase !== 'active' || peer.isLeaving) continue;
      const theirs = peer.known.sum;
      if (theirs > mine || (theirs === mine && peer.node < core.self)) rank++;
    }
    return rank;
  }

  #stand(): void {
    const core = this.#core;
    const { record } = core;
    if (record === undefined || core.hasProposal) return;
    let epoch = Math.max(record.epoch + 1, core.promised);
    for (const peer of core.members()) epoch = Math.max(epoch, peer.promised);
    const candidacy: Candidacy = {
      epoch,
      id: core.nextId(),
      recordVersion: record.version,
      askingSinceMs: undefined,
      askedMs: core.nowMs,
      isProposed: false,
      answers: new Map(),
    };
    this.#candidacy = candidacy;
    if (core.faults.promotesBlindly) {
      this.#propose(candidacy, false);
      return;
    }
    if (core.promised >= epoch || core.faults.forgetsPromises) {
      candidacy.askingSinceMs = core.nowMs;
      this.#ask(candidacy);
      this.advance();
    } else core.savePromise(epoch);
  }

  #ask(candidacy: Candidacy): void {
    const core = this.#core;
    candidacy.askedMs = core.nowMs;
    for (const peer of core.members()) {
      const answer = candidacy.answers.get(peer.node);
      if (answer !== undefined && core.versions.coversAll(answer)) continue;
      this.#puller.pull(peer, { prepare: candidacy.epoch, isUrgent: true, id: candidacy.id });
    }
  }

  #isStrict(candidacy: Candidacy, waitedMs: number): boolean {
    const core = this.#core;
    const { record } = core;
    if (record === undefined) return false;
    let count = 1;
    for (const [node, versions] of candidacy.answers) {
      if (record.replicas.includes(node) && core.versions.coversAll(versions)) count++;
    }
    if (record.replicas.length > 2) return count >= core.majority;
    // Of two replicas either has every write that both had to have; the other one is asked for the rest.
    if (count >= record.replicas.length || waitedMs >= pairPatienceMs) return true;
    for (const peer of core.members()) {
      if (core.liveNodes.has(peer.node) && !peer.isDown(core.nowMs)) return false;
    }
    return true;
  }

  #propose(candidacy: Candidacy, degraded: boolean): void {
    const { epoch } = candidacy;
    const primary = this.#core.self;
    candidacy.isProposed = this.#core.propose({
      epoch,
      primary,
      degraded,
      preferred: undefined,
    });
    if (!candidacy.isProposed) this.#candidacy = undefined;
  }

  /** Somebody has promised more than this primary's epoch, and did not take over: without this nothing would count any more. */
  #raiseEpoch(): void {
    const core = this.#core;
    const { record, nowMs } = core;
    if (record === undefined || core.faults.forgetsPromises) return;
    let epoch = core.promised;
    for (const peer of core.members()) epoch = Math.max(epoch, peer.promised);
    if (epoch <= record.epoch) {
      this.#promiseSeenMs = undefined;
      return;
    }
    this.#promiseSeenMs ??= nowMs;
    if (nowMs - this.#promiseSeenMs < raiseDelayMs || !core.isAttached || core.isLeaving) return;
    if (core.promised < epoch) core.savePromise(epoch);
    else if (nowMs >= this.#retryFromMs && core.propose({ epoch })) {
      this.#retryFromMs = nowMs + retryMs;
    }
  }
}
