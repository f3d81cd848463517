/**
 * Reads: whether this replica is fresh enough for a level, and the proof that a read at level `quorum` needs.
 *
 * A quorum read is answered by the primary: after the read it shows that a majority, itself included, has promised its
 * epoch and nothing above it (so nobody else can have been elected before), and has everything that the read could see
 * (so no later primary can miss it). A primary that was elected degraded first takes over what a majority has.
 */

import type { PeerBody } from './peer-message.ts';
import type { PeerView } from './peer-view.ts';
import type { Puller } from './puller.ts';
import type { ReplicaCore } from './replica-core.ts';
import type { ReadMark, ReadRefusal } from './replica-events.ts';
import type { Versions } from './version-vector.ts';

/** A read at level `one` may miss what is newer than this. */
export const freshnessMs = 2_000;
/** A read that cannot be confirmed for so long is refused. */
export const confirmPatienceMs = 3_000;
const askMs = 100;
/** Between attempts to end a degraded state. */
const takeOverMs = 300;

interface PendingRead {
  readonly request: number;
  /** What the read could see. */
  readonly noted: Versions;
  readonly sinceMs: number;
}

interface Round {
  readonly id: number;
  readonly epoch: number;
  reads: PendingRead[];
  /** Those that had promised this epoch and none above it, after the reads. */
  readonly fenced: Set<string>;
  askedMs: number;
}

interface TakeOver {
  readonly id: number;
  readonly epoch: number;
  readonly askedMs: number;
  readonly answers: Map<string, Versions>;
}

export class ReadFence {
  readonly #core: ReplicaCore;
  readonly #puller: Puller;
  #round: Round | undefined;
  /** Reads that came after the round's question was sent. */
  #next: PendingRead[] = [];
  #takeOver: TakeOver | undefined;

  constructor(core: ReplicaCore, puller: Puller) {
    this.#core = core;
    this.#puller = puller;
  }

  /** For levels `one` and `primary`; `quorum` is refused early where it must fail. Undefined = it may answer. */
  check(level: 'one' | 'primary' | 'quorum', marks: readonly ReadMark[]): ReadRefusal | undefined {
    const core = this.#core;
    const { record, phase } = core;
    if (record === undefined || !core.isMember || !core.isComplete) {
      return { kind: 'not-active', message: 'cannot read here: no complete replica of the shard' };
    }
    if (phase !== 'active' && level === 'one') {
      return { kind: 'not-active', message: 'cannot read here: the replica is catching up' };
    }
    for (const { origin, sequence } of marks) {
      if (core.versions.get(origin) < sequence) {
        return { kind: 'behind', message: 'cannot read here: a write that you know of is missing' };
      }
    }
    if (level === 'one') return this.#isFresh() ? undefined : stale;
    if (!core.isPrimary)
      return { kind: 'not-primary', message: 'cannot read here: not the primary' };
    if (level === 'primary') return core.isAttached && !core.isWaking ? undefined : detached;
    return record.degraded ? degraded : undefined;
  }

  /** The read at level `quorum` has pinned its view. */
  confirm(request: number): void {
    const core = this.#core;
    const refusal = this.check('quorum', []);
    if (refusal !== undefined) {
      this.#refuse(request, refusal.message);
      return;
    }
    if (core.isAlone) {
      core.effects.push({ kind: 'read-confirmed', request, refusal: undefined });
      return;
    }
    const noted = core.versions.toRecord();
    this.#next.push({ request, noted, sinceMs: core.nowMs });
    if (this.#round === undefined) this.#openRound();
  }

  tick(): void {
    this.#endDegraded();
    const round = this.#round;
    if (round === undefined) return;
    if (!this.#isStillPrimary(round)) return;
    const { nowMs } = this.#core;
    const isLate = (read: PendingRead) => nowMs - read.sinceMs >= confirmPatienceMs;
    for (const read of [...round.reads, ...this.#next].filter(isLate)) {
      this.#refuse(read.request, 'cannot confirm the read: no majority of the replicas answers');
    }
    this.#next = this.#next.filter((read) => !isLate(read));
    round.reads = round.reads.filter((read) => !isLate(read));
    if (round.reads.length === 0) this.#openRound();
    else if (nowMs - round.askedMs >= askMs) this.#ask(round);
  }

  /** Peers have told more, or the record has changed. */
  judge(): void {
    const round = this.#round;
    if (round === undefined || !this.#isStillPrimary(round)) return;
    if (round.fenced.size + 1 < this.#core.majority) return;
    round.reads = round.reads.filter((read) => !this.#tryConfirm(round, read));
    if (round.reads.length === 0) this.#openRound();
  }

  /** The promise of this replica itself is durable. */
  promiseSaved(): void {
    this.judge();
  }

  onPullEnd(from: string, body: Extract<PeerBody, { kind: 'pull-end' }>): void {
    const { id, standing } = body;
    const isSound =
      !standing.isLeaving && (standing.phase === 'active' || standing.phase === 'catching-up');
    if (!isSound || !this.#core.record?.replicas.includes(from)) return;
    const round = this.#round;
    if (round?.id === id && this.#isFenced(standing.promised, round.epoch)) {
      round.fenced.add(from);
      this.judge();
    }
    const takeOver = this.#takeOver;
    if (takeOver?.id === id && this.#isFenced(standing.promised, takeOver.epoch)) {
      takeOver.answers.set(from, standing.versions);
    }
  }

  #isFenced(promised: number, epoch: number): boolean {
    return promised === epoch || this.#core.faults.forgetsPromises === true;
  }

  #isFresh(): boolean {
    const core = this.#core;
    const { nowMs } = core;
    if (core.isAlone || (core.isPrimary && core.isAttached && !core.isWaking)) return true;
    let count = 1;
    for (const peer of core.members()) {
      if (nowMs - peer.coveredMs > freshnessMs) continue;
      if (peer.node === core.record?.primary) return true;
      count++;
    }
    return count >= core.majority;
  }

  #isStillPrimary(round: Round): boolean {
    const core = this.#core;
    const isSame = core.isPrimary && core.isComplete && core.epoch === round.epoch;
    if (isSame && !core.isAlone) return true;
    for (const { request } of [...round.reads, ...this.#next]) {
      this.#refuse(request, 'cannot confirm the read: the primary has changed meanwhile');
    }
    this.#round = undefined;
    this.#next = [];
    return false;
  }

  #openRound(): void {
    const core = this.#core;
    this.#round = undefined;
    if (this.#next.length === 0) return;
    const { epoch } = core;
    if (core.promised < epoch) core.savePromise(epoch);
    const reads = this.#next;
    this.#next = [];
    const round = { id: core.nextId(), epoch, reads, fenced: new Set<string>(), askedMs: 0 };
    this.#round = round;
    this.#ask(round);
  }

  /** Those that have answered are asked too: what they have now may be enough. */
  #ask(round: Round): void {
    const core = this.#core;
    round.askedMs = core.nowMs;
    for (const peer of core.members()) this.#pull(peer, round);
  }

  #pull(peer: PeerView, { id, epoch }: { id: number; epoch: number }): void {
    this.#puller.pull(peer, { prepare: epoch, isUrgent: false, id });
  }

  #tryConfirm(round: Round, { request, noted }: PendingRead): boolean {
    const core = this.#core;
    if (!this.#isFenced(core.promised, round.epoch)) return false;
    let count = 1;
    for (const node of round.fenced) if (core.peers.get(node)?.counted.coversAll(noted)) count++;
    if (count < core.majority) return false;
    core.effects.push({ kind: 'read-confirmed', request, refusal: undefined });
    return true;
  }

  #refuse(request: number, refusal: string): void {
    this.#core.effects.push({ kind: 'read-confirmed', request, refusal });
  }

  /** Elected without a majority: takes over what one has, then says so in the record. */
  #endDegraded(): void {
    const core = this.#core;
    const { record, nowMs, epoch } = core;
    if (record?.degraded !== true || !core.isPrimary || !core.isComplete || !core.isAttached) {
      this.#takeOver = undefined;
      return;
    }
    if (core.isAlone) {
      core.propose({ degraded: false });
      return;
    }
    if (core.promised < epoch) {
      core.savePromise(epoch);
      return;
    }
    const takeOver = this.#takeOver;
    if (takeOver?.epoch === epoch) {
      let count = 1;
      for (const versions of takeOver.answers.values()) {
        if (core.versions.coversAll(versions)) count++;
      }
      const isFenced = this.#isFenced(core.promised, epoch);
      if (count >= core.majority && isFenced && core.propose({ degraded: false })) {
        this.#takeOver = undefined;
        return;
      }
      if (nowMs - takeOver.askedMs < takeOverMs) return;
    }
    const answers = takeOver?.epoch === epoch ? takeOver.answers : new Map<string, Versions>();
    const next = { id: core.nextId(), epoch, askedMs: nowMs, answers };
    this.#takeOver = next;
    for (const peer of core.members()) this.#pull(peer, next);
  }
}

const stale: ReadRefusal = {
  kind: 'stale',
  message: 'cannot read here: the replica may be more than 2 s behind',
};
const detached: ReadRefusal = {
  kind: 'detached',
  message: 'cannot read here: the lease of this node is not valid',
};
const degraded: ReadRefusal = {
  kind: 'degraded',
  message: 'cannot read here: the primary has not yet taken over what a majority has',
};
