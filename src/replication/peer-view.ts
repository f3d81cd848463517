/** What a replica knows of another holder of its shard: only from that one's messages and the link to it. */

import type { ReplicaPhase, Standing } from './peer-message.ts';
import { type Versions, VersionVector } from './version-vector.ts';

/** A peer that was silent for so long counts as down until it is heard again; an idle one speaks every second. */
const downAfterMs = 2_500;
/** A node that has refused connections for so long is gone, not just starting again. */
const refusalMs = 300;
/** It counts as silent for at least so long then: enough to be replaced. */
const refusedSilenceMs = 2_000;
/** A target that was not covered for so long gives way to a newer one. */
const targetLifeMs = 1_000;

/** What a peer had when it was asked: covering it later shows how fresh this replica is. */
interface CoverTarget {
  readonly versions: Versions;
  readonly askedMs: number;
}

export class PeerView {
  readonly node: string;
  /** Everything it ever reported to have. */
  readonly known = new VersionVector();
  /**
   * What it had while it had promised no epoch above this replica's record and was neither leaving nor without
   * complete data. Each report is judged when it comes, so order of arrival does not matter.
   */
  readonly counted = new VersionVector();
  promised = 0;
  isLeaving = false;
  phase: ReplicaPhase = 'active';
  canAccept = true;
  primarySilentMs = 0;
  /** Monotonic ms of its last standing; undefined = none yet. */
  standingMs: number | undefined;
  /** Monotonic ms of its last message, or of making this view. */
  heardMs: number;
  link: 'connected' | 'refused' | 'silent' | 'unknown' = 'unknown';
  #refusedFromMs = Number.POSITIVE_INFINITY;
  recordVersion = 0;
  /** The pull under way; undefined = none. */
  pull: { readonly id: number; readonly sentMs: number; readonly isUrgent: boolean } | undefined;
  /** Monotonic ms at which the last pull that it answered was sent. */
  answeredMs = Number.NEGATIVE_INFINITY;
  /** Entries came since that pull was sent. */
  hasProgress = false;
  /** Own sequence from which on all was pushed to it over the link as it is; Infinity = nothing. */
  pushedFrom = Number.POSITIVE_INFINITY;
  #askedWith = Number.POSITIVE_INFINITY;
  /** What it pushed and is durable now, not yet answered. */
  readonly toAnswer = new Map<string, number>();
  /** Monotonic ms at which it was last known to have nothing that is missing here. */
  coveredMs = Number.NEGATIVE_INFINITY;
  /** Its wall clock minus ours, and when that was measured. */
  clockOffsetMs = 0;
  clockOffsetTakenMs = Number.NEGATIVE_INFINITY;
  reportsSentMs = Number.NEGATIVE_INFINITY;
  hasClockAlarm = false;
  #target: CoverTarget | undefined;

  constructor(node: string, nowMs: number) {
    this.node = node;
    this.heardMs = nowMs;
  }

  /** Of the own origin it has all up to `sequence`, and asks for more. True: it got some since it last asked. */
  noteAsked(sequence: number): boolean {
    const hasAdvanced = sequence > this.#askedWith;
    this.#askedWith = sequence;
    return hasAdvanced;
  }

  noteLink(link: 'connected' | 'refused' | 'silent', nowMs: number): void {
    this.pushedFrom = Number.POSITIVE_INFINITY;
    if (link !== 'refused') this.#refusedFromMs = Number.POSITIVE_INFINITY;
    else if (this.link !== 'refused') this.#refusedFromMs = nowMs;
    this.link = link;
  }

  /** How long nothing was heard of it. */
  silentMs(nowMs: number): number {
    const silentMs = Math.max(0, nowMs - this.heardMs);
    const isGone = nowMs - this.#refusedFromMs >= refusalMs && this.heardMs <= this.#refusedFromMs;
    return isGone ? Math.max(silentMs, refusedSilenceMs) : silentMs;
  }

  isDown(nowMs: number): boolean {
    const { link } = this;
    return link === 'refused' || link === 'silent' || nowMs - this.heardMs > downAfterMs;
  }

  /** False = it has no complete data: what it says never counts. */
  get isComplete(): boolean {
    return this.phase === 'active' || this.phase === 'catching-up';
  }

  hasStandingSince(fromMs: number): boolean {
    return this.standingMs !== undefined && this.standingMs >= fromMs;
  }

  /** `epoch`: of this replica's record. */
  noteStanding(standing: Standing, epoch: number, nowMs: number): void {
    this.standingMs = nowMs;
    this.promised = Math.max(this.promised, standing.promised);
    this.isLeaving = standing.isLeaving;
    this.phase = standing.phase;
    this.canAccept = standing.canAccept;
    this.primarySilentMs = standing.primarySilentMs;
    if (!this.isComplete) {
      if (standing.phase === 'empty') this.known.clear();
      this.counted.clear();
    }
    this.known.joinAll(standing.versions);
    const counts = this.isComplete && !standing.isLeaving && standing.promised <= epoch;
    if (counts) this.counted.joinAll(standing.versions);
  }

  noteTarget(versions: Versions, askedMs: number, mine: VersionVector): void {
    const target = this.#target;
    if (target === undefined || askedMs - target.askedMs > targetLifeMs) {
      this.#target = { versions, askedMs };
    }
    this.checkTarget(mine);
  }

  checkTarget(mine: VersionVector): void {
    const target = this.#target;
    if (target === undefined || !mine.coversAll(target.versions)) return;
    this.coveredMs = Math.max(this.coveredMs, target.askedMs);
    this.#target = undefined;
  }
}
