/**
 * One shard replica as a step function: events in, effects out, no I/O, no clock of its own. The shell on the data
 * worker and the simulation drive it alike.
 *
 * Here events only find their way to the rules: entry-intake (local writes, pushes), ack-levels, catch-up, phases,
 * promotion, membership, read-fence, pause-guard, stability, log-trim. What they share is in replica-core.
 *
 * Invariants
 *  - An entry is durable, then applied, then counted, then acknowledged, in the order of its lsn.
 *  - (origin, sequence) has one content for ever.
 *  - Entries are never refused for reasons of epoch; epochs decide what counts.
 *  - Nothing is cut or replaced: what is here goes only with the whole store, after everything was donated.
 */

import type { Entry, Hlc } from '../model/entry.ts';
import { AckLevels } from './ack-levels.ts';
import { CatchUp } from './catch-up.ts';
import { EntryIntake } from './entry-intake.ts';
import { trimVersions } from './log-trim.ts';
import { Membership } from './membership.ts';
import { PauseGuard } from './pause-guard.ts';
import type { ReplicaMessage, ReplicaPhase, Standing } from './peer-message.ts';
import { Phases } from './phases.ts';
import { Promotion } from './promotion.ts';
import { Puller } from './puller.ts';
import { ReadFence } from './read-fence.ts';
import { ReplicaCore, type ReplicaFaults } from './replica-core.ts';
import type {
  ReadMark,
  ReadRefusal,
  ReplicaEffect,
  ReplicaEvent,
  ReplicaStart,
  Times,
} from './replica-events.ts';
import { Stability, type StableHorizon } from './stability.ts';
import type { Versions } from './version-vector.ts';
import type { WriteIdTable } from './write-id-table.ts';

export class ReplicaMachine {
  readonly shard: number;
  readonly #core: ReplicaCore;
  readonly #levels: AckLevels;
  readonly #intake: EntryIntake;
  readonly #stability: Stability;
  readonly #catchUp: CatchUp;
  readonly #phases: Phases;
  readonly #promotion: Promotion;
  readonly #membership: Membership;
  readonly #fence: ReadFence;
  readonly #guard: PauseGuard;

  constructor(start: ReplicaStart, faults: ReplicaFaults = {}) {
    this.shard = start.shard;
    const core = new ReplicaCore(start, faults);
    this.#core = core;
    this.#levels = new AckLevels(core);
    this.#intake = new EntryIntake(core, this.#levels, start.lsn);
    this.#stability = new Stability(core, this.#intake);
    const puller = new Puller(core, this.#stability);
    this.#catchUp = new CatchUp(core, this.#intake, this.#stability, puller);
    this.#phases = new Phases(core);
    this.#promotion = new Promotion(core, puller);
    this.#membership = new Membership(core, this.#intake);
    this.#fence = new ReadFence(core, puller);
    this.#guard = new PauseGuard(core, puller);
    this.#phases.judge();
  }

  /** The highest lsn given. */
  get lsn(): number {
    return this.#intake.lsn;
  }

  get origin(): string {
    return this.#core.origin;
  }

  get versions(): Versions {
    return this.#core.versions.toRecord();
  }

  get gcVersions(): Versions {
    return this.#core.gcVersions.toRecord();
  }

  get pendingCount(): number {
    return this.#intake.pendingCount;
  }

  /** Stamp of the oldest entry that is not applied yet. */
  get oldestPendingHlc(): Hlc | undefined {
    return this.#intake.oldestPendingHlc;
  }

  get phase(): ReplicaPhase {
    return this.#core.phase;
  }

  get isPrimary(): boolean {
    return this.#core.isPrimary;
  }

  /** A member of the record, or its learner. */
  get isHolder(): boolean {
    return this.#core.isHolder;
  }

  get epoch(): number {
    return this.#core.epoch;
  }

  get promised(): number {
    return this.#core.promised;
  }

  get recordVersion(): number {
    return this.#core.record?.version ?? 0;
  }

  /** For the shell to save, and to fill before replay. */
  get writeIds(): WriteIdTable {
    return this.#intake.writeIds;
  }

  /** Leaving or not a member, and no local entry is on its way: what `versions` says is all it will ever have accepted. */
  get isFenced(): boolean {
    return this.#core.isLeaving && this.#intake.oldestLocalHlc === undefined;
  }

  /** Entries that the best known peer has and this replica lacks. */
  get lag(): number {
    let lag = 0;
    for (const { known } of this.#core.peers.values()) {
      lag = Math.max(lag, this.#core.versions.lacks(known.toRecord()));
    }
    return lag;
  }

  /** Since it was opened it has had everything that any other replica of the record had, at one time or another. */
  get hasCoveredAll(): boolean {
    const { isAlone, startedMs } = this.#core;
    if (isAlone || this.#core.peers.size === 0) return false;
    for (const { coveredMs } of this.#core.members()) if (coveredMs < startedMs) return false;
    return true;
  }

  /** Nothing with a stamp at or below it can still be applied here; 0 = not known yet. */
  get stableHlc(): Hlc {
    return this.#stability.hlc;
  }

  /** With what is counted up to it, for the removal of tombstones. */
  get stableHorizon(): StableHorizon {
    return this.#stability.horizon;
  }

  /** Origin -> sequence up to which the log may give entries up, once the store has them durably. */
  trimVersions(isUnderPressure: boolean): Versions {
    return trimVersions(this.#core, isUnderPressure);
  }

  /** Undefined = it may answer. A read at `quorum` is confirmed by the event of that name when its view is pinned. */
  checkRead(
    level: 'one' | 'primary' | 'quorum',
    marks: readonly ReadMark[],
    times: Times,
  ): ReadRefusal | undefined {
    this.#core.times = times;
    this.#guard.note();
    return this.#fence.check(level, marks);
  }

  /** An entry found in the log at open: apply it to the store if the store lacks it. */
  replayed(entry: Entry, checksum: number, monotonicMs: number): void {
    this.#intake.replayed(entry, checksum, monotonicMs);
  }

  /** After the last `replayed`. `lsn`: what the store counts, though the log may have lost it. */
  endReplay(lsn: number): void {
    this.#intake.beginAbove(lsn);
  }

  step(event: ReplicaEvent, times: Times): ReplicaEffect[] {
    const core = this.#core;
    const effects: ReplicaEffect[] = [];
    core.effects = effects;
    core.times = times;
    this.#guard.note();
    this.#guard.ask();
    this.#dispatch(event);
    return effects;
  }

  #dispatch(event: ReplicaEvent): void {
    const core = this.#core;
    switch (event.kind) {
      case 'write':
        this.#intake.write(event.write);
        return;
      case 'forget':
        this.#intake.forget(event.request);
        return;
      case 'logged':
        this.#intake.logged(event.lsn);
        this.#afterProgress();
        return;
      case 'received':
        this.#received(event.from, event.message);
        return;
      case 'append-failed':
        this.#intake.appendFailed(event.error, event.newOrigin);
        return;
      case 'map':
        core.liveNodes = event.liveNodes;
        core.isAttached = event.isAttached;
        if (core.learn(event.record)) this.#recordChanged();
        return;
      case 'tick':
        this.#tick();
        return;
      case 'link':
        this.#linkChanged(event.node, event.state);
        return;
      case 'ability':
        core.canAccept = event.canAccept;
        return;
      case 'promote':
        this.#promotion.request();
        return;
      case 'damaged':
        this.#catchUp.wantRepair();
        return;
      case 'confirm-read':
        this.#fence.confirm(event.request);
        return;
      default:
        this.#performed(event);
        return;
    }
  }

  /** Something that an effect asked for has been done. */
  #performed(
    event: Extract<
      ReplicaEvent,
      {
        kind:
          | 'state-saved'
          | 'proposed'
          | 'snapshot-merged'
          | 'snapshot-failed'
          | 'store-renewed'
          | 'trimmed'
          | 'collected';
      }
    >,
  ): void {
    const core = this.#core;
    switch (event.kind) {
      case 'state-saved':
        this.#stateSaved(event.promised, event.isEmpty);
        return;
      case 'proposed':
        if (!core.endProposal(event.id)) return;
        this.#phases.proposed(event.result);
        this.#promotion.proposed();
        return;
      case 'snapshot-merged':
        this.#catchUp.snapshotMerged(event);
        this.#afterProgress();
        return;
      case 'snapshot-failed':
        this.#catchUp.snapshotFailed();
        return;
      case 'store-renewed':
        this.#renewed(event.origin, event.lsn);
        return;
      case 'trimmed': {
        const base = core.logBase.get(event.origin) ?? 0;
        core.logBase.set(event.origin, Math.max(base, event.sequence));
        return;
      }
      case 'collected':
        core.gcVersions.joinAll(event.gcVersions);
        return;
    }
  }

  #received(from: string, { head, body }: ReplicaMessage): void {
    const core = this.#core;
    if (from === core.self) return;
    const isNews = head.record !== undefined && core.learn(head.record);
    core.noteHead(from, head);
    if (isNews) this.#recordChanged();
    if ('standing' in body) this.#noteStanding(from, body.standing);
    if (!core.isHolder && core.record !== undefined && bringsData(body)) return;
    switch (body.kind) {
      case 'push':
        this.#catchUp.onPush(from, body.entry);
        this.#catchUp.answerPushes();
        return;
      case 'entries':
        this.#catchUp.onEntries(from, body.entries);
        return;
      case 'standing':
        return;
      case 'pull':
        this.#catchUp.onPull(from, body);
        return;
      case 'pull-end':
        this.#promotion.onPullEnd(from, body);
        this.#fence.onPullEnd(from, body);
        this.#catchUp.onPullEnd(from, body, head.wallMs);
        this.#membership.onPullEnd(from, body);
        this.#phases.judge();
        return;
      case 'snapshot-offer':
        this.#catchUp.onSnapshotOffer(from);
        return;
      case 'rebuild':
        if (!core.isHolder) this.#membership.onRebuild();
        else this.#catchUp.onRebuild(from, body);
        return;
    }
  }

  #noteStanding(from: string, standing: Standing): void {
    const core = this.#core;
    const peer = core.peers.get(from);
    if (peer === undefined) return;
    peer.noteStanding(standing, core.epoch, core.nowMs);
    this.#levels.judge();
    this.#fence.judge();
  }

  /** Entries became durable, or a snapshot was merged. */
  #afterProgress(): void {
    this.#levels.judge();
    if (this.#core.peers.size === 0) return;
    this.#catchUp.answerPushes();
    this.#promotion.advance();
    this.#phases.judge();
  }

  #recordChanged(): void {
    this.#levels.judge();
    this.#fence.judge();
    this.#promotion.advance();
    this.#phases.judge();
  }

  #stateSaved(promised: number, isEmpty: boolean): void {
    const core = this.#core;
    core.promised = Math.max(core.promised, promised);
    const wasEmpty = core.phase === 'empty';
    this.#phases.stateSaved(isEmpty);
    if (wasEmpty && core.phase !== 'empty') this.#catchUp.filled();
    this.#catchUp.promiseSaved();
    this.#promotion.promiseSaved();
    this.#fence.judge();
    this.#levels.judge();
  }

  #renewed(origin: string, lsn: number): void {
    const core = this.#core;
    core.versions.clear();
    core.gcVersions.clear();
    core.logBase.clear();
    core.phase = 'empty';
    this.#intake.renew(origin, lsn);
    this.#levels.refuseAll('cannot tell what became of the write: the replica starts anew');
    this.#stability.reset();
  }

  #linkChanged(node: string, state: 'connected' | 'refused' | 'silent'): void {
    const peer = this.#core.peers.get(node);
    if (peer === undefined || peer.link === state) return;
    peer.noteLink(state, this.#core.nowMs);
    if (state === 'connected') this.#catchUp.reconnected(node);
    else this.#levels.judge();
  }

  #tick(): void {
    this.#guard.tick();
    this.#catchUp.tick();
    this.#phases.tick();
    this.#promotion.tick();
    this.#membership.tick();
    this.#fence.tick();
    this.#stability.tick();
    this.#levels.judge();
  }
}

/** A replica that the record does not name takes nothing more in. */
function bringsData({ kind }: ReplicaMessage['body']): boolean {
  return kind === 'push' || kind === 'entries' || kind === 'snapshot-offer';
}
