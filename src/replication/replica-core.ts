/**
 * What all rules of a shard replica share: its versions, promise, record and peers, the effects of the step
 * under way, and how messages are headed. The rules themselves are in the files that replica-machine.ts composes.
 */

import { invariant } from '../base/errors.ts';
import { holdersOf, majorityOf, type ShardRecord } from '../model/cluster.ts';
import { type HybridClock, hlcPerMs, toHlc } from './hybrid-clock.ts';
import type {
  MessageHead,
  PeerBody,
  ReplicaMessage,
  ReplicaPhase,
  Standing,
} from './peer-message.ts';
import { PeerView } from './peer-view.ts';
import type { ReplicaEffect, ReplicaStart, Times } from './replica-events.ts';
import { type Versions, VersionVector } from './version-vector.ts';

/** A clock that is farther ahead than this is not followed, and one farther off gives no stamps. */
export const clockOffsetMaxMs = 500;
/** A clock is measured only by answers that came within this. */
const clockTripMaxMs = 200;
/** How long a measurement counts. */
const clockLifeMs = 10_000;
/** With fewer clocks nobody can tell who is off. */
const clockCountMin = 3;
/** An answer of the metadata store that never comes is given up after so long. */
const proposalLifeMs = 10_000;

/** Wrong behaviour on purpose: tests plant it to show that they would notice. Never set in production. */
export interface ReplicaFaults {
  readonly promotesBlindly?: boolean;
  readonly forgetsPromises?: boolean;
  readonly ignoresPauses?: boolean;
}

export class ReplicaCore {
  readonly shard: number;
  readonly self: string;
  readonly clock: HybridClock;
  readonly faults: ReplicaFaults;
  origin: string;
  times: Times;
  effects: ReplicaEffect[] = [];
  record: ShardRecord | undefined;
  liveNodes: ReadonlySet<string> = new Set();
  isAttached = false;
  /** False: its wall clock is off those of the others, so it gives no stamps. */
  hasTrustedClock = true;
  canAccept = true;
  /** It stood still, and has not yet had from the others what they had since (pause-guard.ts). */
  isWaking = false;
  /** Durably. */
  promised: number;
  phase: ReplicaPhase;
  /** Durably applied. */
  readonly versions: VersionVector;
  readonly gcVersions: VersionVector;
  /** Peers' entries given to the log, where that is more than `versions`. */
  readonly received = new Map<string, number>();
  /** The log has no entry of an origin at or below this. */
  readonly logBase: Map<string, number>;
  /** The other holders of the shard, by node. */
  readonly peers = new Map<string, PeerView>();
  readonly startedMs: number;
  /** Monotonic ms of the last entry that came or was made. */
  lastEntryMs = Number.NEGATIVE_INFINITY;
  /** The greatest stamp of an entry seen here. */
  lastEntryHlc = 0;
  /** Own sequence at the last but one round of gossip: what is older and still missing elsewhere was lost on the way. */
  settledSequence = 0;
  #wanted: { promised: number; isEmpty: boolean };
  #proposal: { readonly id: number; readonly sentMs: number } | undefined;
  #nextId: number;

  constructor(start: ReplicaStart, faults: ReplicaFaults) {
    this.shard = start.shard;
    this.self = start.self;
    this.clock = start.clock;
    this.faults = faults;
    this.origin = start.origin;
    this.times = start.times;
    this.promised = start.promised;
    this.phase = start.isEmpty ? 'empty' : 'catching-up';
    this.versions = new VersionVector(start.versions);
    this.gcVersions = new VersionVector(start.gcVersions);
    this.logBase = new Map(Object.entries(start.versions));
    this.startedMs = start.times.monotonicMs;
    this.#wanted = { promised: start.promised, isEmpty: start.isEmpty };
    // Questions of an earlier opening must not be taken for ours: ids start at a random place.
    this.#nextId = Number.parseInt(start.origin.slice(0, 12), 16);
    invariant(Number.isSafeInteger(this.#nextId), 'an origin is 16 hex digits');
    if (start.record !== undefined) this.learn(start.record);
  }

  get nowMs(): number {
    return this.times.monotonicMs;
  }

  get isMember(): boolean {
    return this.record?.replicas.includes(this.self) ?? false;
  }

  get isHolder(): boolean {
    return this.isMember || this.record?.learner === this.self;
  }

  get isLeaving(): boolean {
    return this.record === undefined || this.record.leaving === this.self || !this.isMember;
  }

  /** It comes into the record or goes out of it. */
  get isMoving(): boolean {
    return this.record?.learner === this.self || this.record?.leaving === this.self;
  }

  get isPrimary(): boolean {
    return this.record?.primary === this.self;
  }

  /** All of its data is here, though perhaps not the latest. */
  get isComplete(): boolean {
    return this.phase === 'active' || this.phase === 'catching-up';
  }

  /** All was donated: the store is about to go. */
  get isRenewing(): boolean {
    return this.phase === 'rebuilding' && this.#wanted.isEmpty;
  }

  /** A snapshot was merged; that it is no longer empty is being made durable. */
  get isFilled(): boolean {
    return this.phase === 'empty' && !this.#wanted.isEmpty;
  }

  /** The only holder: nobody to ask, nobody to tell. */
  get isAlone(): boolean {
    const { record } = this;
    return record?.replicas.length === 1 && record.learner === undefined && this.isMember;
  }

  get epoch(): number {
    return this.record?.epoch ?? 0;
  }

  /** What it does not help any more: a replica that knows an epoch is as good as promised to it. */
  get reportedPromise(): number {
    return this.faults.forgetsPromises ? 0 : Math.max(this.promised, this.epoch);
  }

  get majority(): number {
    return this.record === undefined ? Number.POSITIVE_INFINITY : majorityOf(this.record);
  }

  get hasProposal(): boolean {
    return this.#proposal !== undefined && this.nowMs - this.#proposal.sentMs < proposalLifeMs;
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Sequence up to which entries of an origin are in the log or on their way to it. */
  receivedOf(origin: string): number {
    const durable = this.versions.get(origin);
    const received = this.received.get(origin);
    return received === undefined || received < durable ? durable : received;
  }

  /** Other replicas of the record, the leaving one included, the learner not. */
  *members(): Generator<PeerView> {
    for (const node of this.record?.replicas ?? []) {
      const peer = this.peers.get(node);
      if (peer !== undefined) yield peer;
    }
  }

  /** True when it was newer than the one known. */
  learn(record: ShardRecord): boolean {
    if (this.record !== undefined && record.version <= this.record.version) return false;
    this.record = record;
    const holders = new Set(holdersOf(record));
    for (const node of this.peers.keys()) if (!holders.has(node)) this.peers.delete(node);
    for (const node of holders) {
      if (node !== this.self && !this.peers.has(node)) {
        this.peers.set(node, new PeerView(node, this.nowMs));
      }
    }
    return true;
  }

  /** Raises the clock to a peer's, unless that one is too far ahead to be right. */
  noteHead(from: string, head: MessageHead): void {
    const peer = this.peers.get(from);
    if (peer !== undefined) {
      peer.heardMs = this.nowMs;
      peer.recordVersion = head.recordVersion;
    }
    if (head.hlc <= toHlc(this.times.wallMs) + clockOffsetMaxMs * hlcPerMs) {
      this.clock.observe(head.hlc);
      if (peer !== undefined) peer.hasClockAlarm = false;
    } else if (peer !== undefined && !peer.hasClockAlarm) {
      peer.hasClockAlarm = true;
      this.alarm('clock of a peer is ahead', { node: from });
    }
  }

  /** Measures a peer's wall clock by a question and its answer. */
  noteClock(peer: PeerView, peerWallMs: number, askedMs: number): void {
    const tripMs = this.nowMs - askedMs;
    if (tripMs > clockTripMaxMs) return;
    peer.clockOffsetMs = peerWallMs - (this.times.wallMs - tripMs / 2);
    peer.clockOffsetTakenMs = this.nowMs;
  }

  judgeClock(): void {
    const isTrusted = this.#isClockSound();
    if (this.hasTrustedClock && !isTrusted) this.alarm('clock of this node is off', {});
    this.hasTrustedClock = isTrusted;
  }

  /** Whether this clock is near the median of all that are known; two clocks alone cannot tell which is right. */
  #isClockSound(): boolean {
    const offsets = [0];
    for (const peer of this.peers.values()) {
      const isFresh = this.nowMs - peer.clockOffsetTakenMs < clockLifeMs;
      if (isFresh) offsets.push(peer.clockOffsetMs);
    }
    if (offsets.length < clockCountMin) return true;
    offsets.sort((a, b) => a - b);
    const upper = offsets[Math.floor(offsets.length / 2)] ?? 0;
    const lower = offsets[Math.floor((offsets.length - 1) / 2)] ?? 0;
    return Math.abs((lower + upper) / 2) <= clockOffsetMaxMs;
  }

  /** `changed` only: a standing with these components. */
  standing(changed?: Versions): Standing {
    const { primary } = this.record ?? {};
    const silentMs = primary === undefined ? 0 : this.peers.get(primary)?.silentMs(this.nowMs);
    return {
      versions: changed ?? this.versions.toRecord(),
      isPartial: changed !== undefined,
      promised: this.reportedPromise,
      isLeaving: this.isLeaving,
      phase: this.phase,
      canAccept: this.canAccept,
      primarySilentMs: Math.round(silentMs ?? 0),
    };
  }

  message(to: string, body: PeerBody): ReplicaMessage {
    const { record } = this;
    const recordVersion = record?.version ?? 0;
    const isBehind = (this.peers.get(to)?.recordVersion ?? 0) < recordVersion;
    const { wallMs } = this.times;
    const head = {
      hlc: this.clock.last,
      wallMs,
      recordVersion,
      record: isBehind ? record : undefined,
    };
    return { head, body };
  }

  send(to: string, body: PeerBody): void {
    this.effects.push({ kind: 'send', to, message: this.message(to, body) });
  }

  alarm(event: string, fields: Readonly<Record<string, string | number>>): void {
    this.effects.push({ kind: 'alarm', event, fields: { shard: this.shard, ...fields } });
  }

  /** Asks for a durable promise unless it is there or asked for. */
  savePromise(promised: number): void {
    if (promised <= this.#wanted.promised) return;
    this.#save({ promised, isEmpty: this.#wanted.isEmpty });
  }

  saveEmpty(isEmpty: boolean): void {
    if (isEmpty !== this.#wanted.isEmpty) this.#save({ promised: this.#wanted.promised, isEmpty });
  }

  /** A guarded change of the record; false when another one is under way. */
  propose(change: Partial<ShardRecord>): boolean {
    const { record } = this;
    if (record === undefined || this.hasProposal) return false;
    const id = this.nextId();
    this.#proposal = { id, sentMs: this.nowMs };
    const proposed = { ...record, ...change, version: record.version + 1 };
    this.effects.push({ kind: 'propose', id, record: proposed });
    return true;
  }

  /** False for an answer that nobody waits for any more. */
  endProposal(id: number): boolean {
    if (this.#proposal?.id !== id) return false;
    this.#proposal = undefined;
    return true;
  }

  #save(wanted: { promised: number; isEmpty: boolean }): void {
    this.#wanted = wanted;
    this.effects.push({ kind: 'save-state', ...wanted });
  }
}
