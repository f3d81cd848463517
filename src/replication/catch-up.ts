/**
 * Catch-up: how replicas come to have the same entries. Pushes are answered, gaps are pulled, every replica pulls
 * from a peer now and then, and what was trimmed comes as a snapshot that is merged.
 *
 * A replica that misses what was garbage-collected elsewhere donates what only it has, and then starts anew.
 */

import type { EntryIntake } from './entry-intake.ts';
import { HeldPushes } from './held-pushes.ts';
import { findMissing } from './missing-entries.ts';
import type { PeerBody, PeerEntry } from './peer-message.ts';
import type { PeerView } from './peer-view.ts';
import { type Puller, pullLifeMs } from './puller.ts';
import type { ReplicaCore } from './replica-core.ts';
import type { ReplicaEvent } from './replica-events.ts';
import type { Stability } from './stability.ts';
import { type Versions, VersionVector } from './version-vector.ts';

type Body<K extends PeerBody['kind']> = Extract<PeerBody, { kind: K }>;
type Event<K extends ReplicaEvent['kind']> = Extract<ReplicaEvent, { kind: K }>;

/** Between pulls of an active shard. */
export const gossipMs = 300;
/** Between pulls of one where nothing happens. */
export const idleGossipMs = 900;
/** A shard is idle when no entry came for so long. */
const idleAfterMs = 5_000;
/** After a snapshot that failed. */
const snapshotRetryMs = 1_000;

export class CatchUp {
  readonly #core: ReplicaCore;
  readonly #intake: EntryIntake;
  readonly #stability: Stability;
  readonly #puller: Puller;
  #gossipedMs = Number.NEGATIVE_INFINITY;
  #turn = 0;
  #sequenceMark = 0;
  #fetchingFrom: string | undefined;
  #fetchFailedMs = Number.NEGATIVE_INFINITY;
  /** Damaged files wait for a snapshot. */
  #wantsRepair = false;
  #repairTurn = 0;
  /** Collected elsewhere, as far as it was told: until this is covered a rebuild goes on. */
  #rebuildFor: Versions = {};
  #hasRebuildAlarm = false;
  readonly #held = new HeldPushes();
  /** Pulls that wait for a durable promise, by node. */
  readonly #waiting = new Map<string, Body<'pull'>>();

  constructor(core: ReplicaCore, intake: EntryIntake, stability: Stability, puller: Puller) {
    this.#core = core;
    this.#intake = intake;
    this.#stability = stability;
    this.#puller = puller;
  }

  tick(): void {
    const core = this.#core;
    if (core.peers.size === 0 || !core.isHolder) return;
    const { nowMs } = core;
    core.judgeClock();
    this.#endRebuild();
    this.#repair();
    if (!core.isComplete) this.#held.clear();
    for (const origin of this.#held.origins) this.#takeHeld(origin);
    for (const peer of core.peers.values()) peer.checkTarget(core.versions);
    const isSettled = core.phase === 'active' && !core.isMoving;
    const isIdle = isSettled && nowMs - core.lastEntryMs > idleAfterMs;
    if (nowMs - this.#gossipedMs < (isIdle ? idleGossipMs : gossipMs)) return;
    this.#gossipedMs = nowMs;
    core.settledSequence = this.#sequenceMark;
    this.#sequenceMark = this.#intake.sequence;
    for (const peer of this.#chooseForGossip()) this.#pullUnlessUnderWay(peer, false);
  }

  /** A link that is back: whatever was lost on it is asked for now. */
  reconnected(node: string): void {
    const peer = this.#core.peers.get(node);
    if (peer !== undefined) this.#puller.pull(peer, { prepare: 0, isUrgent: true });
  }

  onPush(from: string, entry: PeerEntry): void {
    const core = this.#core;
    const peer = core.peers.get(from);
    if (!core.isComplete) {
      if (peer !== undefined) core.send(from, { kind: 'standing', standing: core.standing({}) });
      return;
    }
    if (this.#stability.isLost(from, entry)) return;
    const intake = this.#intake.receive(from, entry);
    if (peer === undefined) return;
    if (intake === 'gap') {
      this.#held.add({ from, entry });
      this.#pullUnlessUnderWay(peer, true);
    } else if (intake === 'taken') this.#takeHeld(entry.origin);
    if (intake !== 'known') return;
    const durable = core.versions.get(entry.origin);
    if (durable >= entry.sequence) peer.toAnswer.set(entry.origin, durable);
  }

  onEntries(from: string, entries: readonly PeerEntry[]): void {
    if (!this.#core.isComplete) return;
    const peer = this.#core.peers.get(from);
    for (const entry of entries) {
      const intake = this.#intake.receive(from, entry);
      if (intake === 'taken' && peer !== undefined) peer.hasProgress = true;
      if (intake === 'taken') this.#takeHeld(entry.origin);
    }
  }

  /** A push that was held is judged as if it came only now, like any that was late. */
  #takeHeld(origin: string): void {
    const next = () => this.#held.takeNext(origin, this.#core.receivedOf(origin));
    for (let push = next(); push !== undefined; push = next()) {
      const { from, entry } = push;
      if (!this.#stability.isLost(from, entry)) this.#intake.receive(from, entry);
    }
  }

  /** Tells peers what of theirs is durable here since the last time. */
  answerPushes(): void {
    const core = this.#core;
    for (const peer of core.peers.values()) {
      if (peer.toAnswer.size === 0) continue;
      const changed: Record<string, number> = {};
      for (const [origin, sequence] of peer.toAnswer) changed[origin] = sequence;
      peer.toAnswer.clear();
      core.send(peer.node, { kind: 'standing', standing: core.standing(changed) });
    }
  }

  onPull(from: string, body: Body<'pull'>): void {
    const core = this.#core;
    this.#stability.take(body.reports);
    if (body.prepare > core.promised && core.faults.forgetsPromises !== true) {
      this.#waiting.set(from, body);
      core.savePromise(body.prepare);
      return;
    }
    this.#answerPull(from, body);
  }

  /** A promise has become durable: what waited for it is answered. */
  promiseSaved(): void {
    for (const [from, body] of [...this.#waiting]) {
      if (body.prepare > this.#core.promised) continue;
      this.#waiting.delete(from);
      this.#answerPull(from, body);
    }
  }

  onPullEnd(from: string, body: Body<'pull-end'>, wallMs: number): void {
    const core = this.#core;
    this.#stability.take(body.reports);
    const peer = core.peers.get(from);
    if (peer?.pull?.id !== body.id) return;
    const { sentMs } = peer.pull;
    peer.pull = undefined;
    peer.answeredMs = sentMs;
    core.noteClock(peer, wallMs, sentMs);
    if (!peer.isComplete) return;
    peer.noteTarget(body.standing.versions, sentMs, core.versions);
    if (peer.hasProgress && this.#lacks(body.standing.versions)) {
      this.#puller.pull(peer, { prepare: 0, isUrgent: false });
    }
  }

  onSnapshotOffer(from: string): void {
    const core = this.#core;
    if (this.#fetchingFrom !== undefined || core.phase === 'rebuilding' || core.isFilled) return;
    if (core.nowMs - this.#fetchFailedMs < snapshotRetryMs) return;
    this.#fetchingFrom = from;
    core.effects.push({ kind: 'fetch-snapshot', from });
  }

  /** What damaged files held comes back with the next snapshot, from a peer that has all of its data. */
  wantRepair(): void {
    this.#wantsRepair = true;
  }

  snapshotMerged(event: Event<'snapshot-merged'>): void {
    const core = this.#core;
    this.#fetchingFrom = undefined;
    this.#wantsRepair = false;
    core.clock.observe(event.hlcMax);
    core.lastEntryHlc = Math.max(core.lastEntryHlc, event.hlcMax);
    for (const origin in event.versions) {
      const sequence = event.versions[origin] ?? 0;
      if (sequence > core.receivedOf(origin)) core.logBase.set(origin, sequence);
    }
    core.versions.joinAll(event.versions);
    core.gcVersions.joinAll(event.gcVersions);
    if (core.phase === 'empty') core.saveEmpty(false);
    const peer = core.peers.get(event.from);
    if (peer !== undefined && !core.isFilled)
      this.#puller.pull(peer, { prepare: 0, isUrgent: true });
  }

  /** The first snapshot is durable: what came since is asked for at once. */
  filled(): void {
    this.#gossipedMs = Number.NEGATIVE_INFINITY;
    this.tick();
  }

  snapshotFailed(): void {
    this.#fetchingFrom = undefined;
    this.#fetchFailedMs = this.#core.nowMs;
  }

  /** The peer has garbage-collected what is missing here: it gets what only this replica has, then this one starts anew. */
  onRebuild(from: string, { standing, gcVersions }: Body<'rebuild'>): void {
    const core = this.#core;
    // A late verdict: what was missing has come since.
    if (core.versions.coversAll(gcVersions)) return;
    if (!core.isComplete && core.phase !== 'rebuilding') return;
    if (core.phase !== 'rebuilding') this.#rebuildFor = {};
    core.phase = 'rebuilding';
    const needs = new VersionVector(this.#rebuildFor);
    needs.joinAll(gcVersions);
    this.#rebuildFor = needs.toRecord();
    const inFlightFrom = Number.POSITIVE_INFINITY;
    const has = { versions: standing.versions, received: {}, isUrgent: true, inFlightFrom };
    const { ranges, isTrimmed } = findMissing(core, has);
    if (isTrimmed) {
      // Others may still have it, and give it to that peer: the next verdict tells.
      if (!this.#hasRebuildAlarm)
        core.alarm('rebuild waits for entries that were trimmed here', {});
      this.#hasRebuildAlarm = true;
    } else if (ranges.length > 0) {
      const last = core.message(from, { kind: 'standing', standing: core.standing() });
      core.effects.push({ kind: 'send-entries', to: from, ranges, last });
    } else if (this.#intake.pendingCount === 0) core.saveEmpty(true);
  }

  /** What was on its way when the verdict came, a snapshot above all, may have brought everything. */
  #endRebuild(): void {
    const core = this.#core;
    if (core.phase !== 'rebuilding' || core.isRenewing) return;
    if (!core.versions.coversAll(this.#rebuildFor)) return;
    core.phase = 'catching-up';
    this.#hasRebuildAlarm = false;
  }

  /** Peers in turn: one of them may be damaged itself. */
  #repair(): void {
    const core = this.#core;
    if (!this.#wantsRepair || this.#fetchingFrom !== undefined || !core.isComplete) return;
    if (core.nowMs - this.#fetchFailedMs < snapshotRetryMs) return;
    const sources = [...core.members()].filter(
      (peer) =>
        peer.phase === 'active' && peer.standingMs !== undefined && !peer.isDown(core.nowMs),
    );
    const peer = sources[this.#repairTurn % Math.max(1, sources.length)];
    if (peer === undefined) return;
    this.#repairTurn++;
    this.#wantsRepair = false;
    this.#fetchingFrom = peer.node;
    core.effects.push({ kind: 'fetch-snapshot', from: peer.node });
  }

  #answerPull(from: string, body: Body<'pull'>): void {
    const core = this.#core;
    const { standing, id } = body;
    const peer = core.peers.get(from);
    const reports = peer === undefined ? [] : this.#stability.reportsFor(peer);
    const end = { kind: 'pull-end', standing: core.standing(), id, reports } as const;
    if (core.phase === 'empty') {
      core.send(from, end);
      return;
    }
    if (standing.phase === 'empty') {
      if (core.isComplete) core.send(from, { kind: 'snapshot-offer', standing: core.standing({}) });
      core.send(from, end);
      return;
    }
    if (core.isComplete && !this.#coversCollected(standing.versions)) {
      const gcVersions = core.gcVersions.toRecord();
      core.send(from, { kind: 'rebuild', standing: core.standing(), gcVersions });
      core.send(from, end);
      return;
    }
    const { received, isUrgent } = body;
    const inFlightFrom = this.#inFlightFrom(peer, body);
    const has = { versions: standing.versions, received, isUrgent, inFlightFrom };
    const { ranges, isTrimmed } = findMissing(core, has);
    if (isTrimmed && core.isComplete) {
      core.send(from, { kind: 'snapshot-offer', standing: core.standing({}) });
    }
    if (ranges.length === 0) {
      core.send(from, end);
      return;
    }
    const last = core.message(from, end);
    core.effects.push({ kind: 'send-entries', to: from, ranges, last });
  }

  /**
   * What was pushed is not sent again while it keeps arriving, however slowly: under load everything takes longer than
   * the time after which it counts as lost, and sending it twice makes it take longer still.
   */
  #inFlightFrom(peer: PeerView | undefined, { standing, received }: Body<'pull'>): number {
    const { origin } = this.#core;
    const has = Math.max(standing.versions[origin] ?? 0, received[origin] ?? 0);
    return peer?.noteAsked(has) === true ? peer.pushedFrom : Number.POSITIVE_INFINITY;
  }

  #coversCollected(versions: Versions): boolean {
    for (const [origin, sequence] of this.#core.gcVersions.entries()) {
      if ((versions[origin] ?? 0) < sequence) return false;
    }
    return true;
  }

  #pullUnlessUnderWay(peer: PeerView, isUrgent: boolean): void {
    const { pull } = peer;
    const isFresh = pull !== undefined && this.#core.nowMs - pull.sentMs < pullLifeMs;
    if (isFresh && (pull.isUrgent || !isUrgent)) return;
    this.#puller.pull(peer, { prepare: 0, isUrgent });
  }

  /** The primary every time, the others in turn; all of them until this replica is active, and while it wakes, comes or goes. */
  *#chooseForGossip(): Generator<PeerView> {
    const { peers, record, phase, isMoving, isWaking } = this.#core;
    const primary = record === undefined ? undefined : peers.get(record.primary);
    if (primary !== undefined) yield primary;
    const others = [...peers.values()].filter((peer) => peer !== primary);
    if (phase !== 'active' || isMoving || isWaking) yield* others;
    else if (others.length > 0) yield others[this.#turn++ % others.length]!;
  }

  #lacks(versions: Versions): boolean {
    for (const origin in versions) {
      if ((versions[origin] ?? 0) > this.#core.receivedOf(origin)) return true;
    }
    return false;
  }
}
