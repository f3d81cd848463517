/**
 * The shard replicas that share one commit log: the log, their clock, and the way of an event through the
 * step function to its effects.
 *
 * A write is checked, given its stamp and lsn, appended; when its group is logged it is applied to the
 * store, counted, and answered as its level asks. What a crash could take back is never visible to a read.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Disk, Env } from '../../env/env.ts';
import type { ShardRecord } from '../../model/cluster.ts';
import type { HybridClock } from '../../replication/hybrid-clock.ts';
import type { ReplicaMessage } from '../../replication/peer-message.ts';
import type {
  LocalWrite,
  ReplicaEffect,
  ReplicaEvent,
  Times,
} from '../../replication/replica-events.ts';
import type { Versions } from '../../replication/version-vector.ts';
import { CommitLog, type CommitLogOptions } from '../log/commit-log.ts';
import { firstWithin } from '../log/first-within.ts';
import { type LogRecord, recordSize } from '../log/log-layout.ts';
import type { LogSummary } from '../log/log-reader.ts';
import { kindOfSlot } from '../slots.ts';
import { toFailure } from './failure.ts';
import { saveFaults } from './log-faults.ts';
import type { WorkerStart, WriteAnswer, WriteItem } from './messages.ts';
import { saveReplicaFacts } from './replica-file.ts';
import type { ReplicaSet } from './replica-set.ts';
import { checkFrame, type ShardReplica, toLogRecord } from './shard-replica.ts';
import type { StampReserve } from './stamp-reserve.ts';
import type { TailHolds } from './tail-holds.ts';
import { saveWriteIds } from './write-id-file.ts';

const saveRetryMs = 500;
/** Under size pressure a log gives up what at least one other replica has. */
const pressureSegments = 8;

/** Less than a broker waits before it asks another replica (broker/route/write-route.ts: 1 s). */
const attemptLifeMs = 800;

export interface GroupOptions {
  readonly env: Env;
  readonly disk: Disk;
  readonly start: Pick<WorkerStart, 'shardCount' | 'segmentBytes'>;
  readonly clock: HybridClock;
  readonly reserve: StampReserve;
  readonly log: Omit<CommitLogOptions, 'env' | 'disk'>;
  readonly set: ReplicaSet;
  /** Who else follows the log. */
  readonly tails: TailHolds;
  readonly answer: (answer: WriteAnswer) => void;
  /** The log could not take a write. */
  readonly onLogFailure: (error: CitadelError) => void;
}

export class ReplicaGroup {
  readonly log: CommitLog;
  readonly set: ReplicaSet;
  readonly #options: GroupOptions;
  /** Of frames that wait for stamps. */
  #waitingBytes = 0;
  #closed = false;

  constructor(options: GroupOptions, summary: LogSummary) {
    const { env, disk, set } = options;
    this.#options = options;
    this.set = set;
    this.log = new CommitLog({ ...options.log, env, disk }, summary, {
      logged: (records, segment, offset) => this.#logged(records, segment, offset),
      failed: (error, records) => this.#failed(error, records),
    });
    set.connect((replica, event) => this.step(replica, event));
    for (const replica of this.replicas.values()) this.#tellMissing(replica);
  }

  get replicas(): ReadonlyMap<number, ShardReplica> {
    return this.set.replicas;
  }

  /** Of frames that are accepted and not yet applied. */
  get inFlightBytes(): number {
    return this.log.pendingBytes + this.#waitingBytes;
  }

  /** Of the log, from the first segment on that a store still needs; the rest is kept for peers. */
  get unflushedLogBytes(): number {
    return this.log.bytesFrom((replicaId) => this.set.find(replicaId)?.replayFrom);
  }

  write(replica: ShardReplica, item: WriteItem): void {
    try {
      if (replica.isRetired) throw new CitadelError('redirect', 'the shard is not here any more');
      this.#checkAge(item);
      const checksum = this.#check(replica, item.frame);
      const { id: request, writeId, frame, level, isFallback } = item;
      this.#offer(replica, { request, writeId, frame, checksum, level, isFallback });
    } catch (error) {
      this.#refuse(item.id, error);
    }
  }

  /**
   * An attempt that was held up on its way (a cut link, a paused process) may have been acknowledged by another
   * replica meanwhile, and newer writes after it: taken now it would get a newer stamp than those.
   */
  #checkAge({ sentMs }: WriteItem): void {
    if (sentMs === undefined) return;
    const ageMs = Math.round(this.#options.env.clock.wallMs() - sentMs);
    if (ageMs <= attemptLifeMs) return;
    throw new CitadelError('unavailable', `cannot take a write that was sent ${ageMs} ms ago`);
  }

  /** From a peer. @throws CitadelError `corrupt` for entries that could not be applied: nothing is taken then */
  receive(replica: ShardReplica, from: string, message: ReplicaMessage): void {
    const { body } = message;
    if (body.kind === 'push') this.#check(replica, body.entry.frame);
    else if (body.kind === 'entries') {
      for (const { frame } of body.entries) this.#check(replica, frame);
    }
    this.step(replica, { kind: 'received', from, message });
  }

  /** A shard that the map gives to this node: opened when it is not here. */
  async assign(record: ShardRecord): Promise<ShardReplica> {
    const known = this.replicas.get(record.shard);
    return known ?? this.set.create(record.shard, record);
  }

  step(replica: ShardReplica, event: ReplicaEvent): void {
    if (this.#closed || replica.isRetired) return;
    const effects = replica.state.step(event, this.#times());
    for (const effect of effects) this.#perform(replica, effect);
    if (effects.length > 0 && this.#options.reserve.isLow) {
      this.#extendReserve().catch(() => undefined);
    }
  }

  /** Errors: as of stores and logs, `cancelled` when the signal fires. */
  flush(replica: ShardReplica, signal: AbortSignal): Promise<void> {
    return replica.flush(async () => {
      // Whatever the fsync mode: a store must never have an entry that the log could still lose.
      await this.log.sync();
      const { disk, env } = this.#options;
      await saveWriteIds(disk, replica.home.directory, replica.state.writeIds, env.clock);
      return { hlcMax: this.#options.clock.last, stableHlc: replica.state.stableHlc };
    }, signal);
  }

  /** Removes what all stores have and no peer and no tail needs. With nothing left to keep, the open segment goes too. */
  async trim(): Promise<void> {
    const { start, set } = this.#options;
    const clean = [...this.replicas.values()].every((replica) => !replica.hasUnflushed);
    const isUnderPressure = this.log.sizeBytes > start.segmentBytes * pressureSegments;
    let keepFrom = this.#neededByTails();
    for (const { state, peers } of this.replicas.values()) {
      if (peers === undefined) continue;
      const needed = peers.index.neededFrom(state.trimVersions(isUnderPressure));
      keepFrom = Math.min(keepFrom, needed);
    }
    if (clean && keepFrom > this.log.lastSegment) await this.log.seal();
    const removed = await this.log.trim((replicaId) => set.replayFromOf(replicaId), keepFrom);
    if (removed > 0) await this.#forgetThrough(removed);
  }

  /** What damage to the log took is here again once every other replica was covered: it hides nothing any more. */
  async heal(): Promise<void> {
    const { disk, env, log } = this.#options;
    const healed = [...this.replicas.values()].filter(
      ({ faults, state }) => faults.length > 0 && state.hasCoveredAll,
    );
    if (healed.length === 0) return;
    for (const replica of healed) replica.faults = [];
    await saveFaults(
      disk,
      log.directory,
      [...this.replicas.values()].flatMap(({ faults }) => faults),
    );
    for (const { shard } of healed) env.log.info('damage healed from peers', { shard });
  }

  /** No event counts any more; what was accepted is logged. */
  async close(): Promise<void> {
    for (const { peers } of this.replicas.values()) await peers?.stop();
    for (const isolated of this.set.isolated.values()) await isolated.stop();
    await this.log.close();
    this.#closed = true;
    await this.set.reader.close();
  }

  /** The record no longer names this node, and every member has what is here: the files go to trash. */
  async retire(replica: ShardReplica): Promise<void> {
    if (replica.isRetired || replica.state.isHolder) return;
    replica.isRetired = true;
    await replica.peers?.stop();
    await replica.alone(() => this.set.retire(replica));
  }

  #times(): Times {
    const { clock } = this.#options.env;
    return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  }

  #check({ shard }: ShardReplica, frame: Uint8Array): number {
    return checkFrame(frame, { slot: shard, shardCount: this.#options.start.shardCount });
  }

  #offer(replica: ShardReplica, write: LocalWrite): void {
    this.step(replica, { kind: 'write', write });
  }

  #perform(replica: ShardReplica, effect: ReplicaEffect): void {
    switch (effect.kind) {
      case 'append':
        this.log.append(toLogRecord(effect.entry, replica.replicaId));
        return;
      case 'apply':
        replica.store.apply(effect.entry);
        return;
      case 'answer': {
        const { request: id, origin, sequence, copies, levelReached } = effect;
        this.#options.answer({ id, failure: undefined, origin, sequence, copies, levelReached });
        return;
      }
      case 'refuse':
        this.#refuse(effect.request, new CitadelError(effect.code, effect.message));
        return;
      case 'reserve':
        this.#offerLater(replica, effect.write);
        return;
      case 'extend-reserve':
        this.#extendReserve().catch(() => undefined);
        return;
      case 'save-state':
        this.#saveState(replica, effect).catch(() => undefined);
        return;
      case 'renew-store':
        this.#renew(replica).catch((error) => this.#storeFailed(replica, error));
        return;
      case 'retire':
        this.set.peers?.post({ kind: 'confirm-removal', shard: replica.shard });
        return;
      case 'alarm':
        this.#options.env.log.warn(effect.event, effect.fields);
        return;
      default:
        replica.peers?.perform(effect);
    }
  }

  async #extendReserve(): Promise<void> {
    try {
      await this.#options.reserve.extend();
    } catch (error) {
      if (error instanceof CitadelError) this.#options.onLogFailure(error);
      throw error;
    }
  }

  #offerLater(replica: ShardReplica, write: LocalWrite): void {
    this.#waitingBytes += write.frame.length;
    const done = this.#extendReserve().finally(() => {
      this.#waitingBytes -= write.frame.length;
    });
    done.then(
      () => {
        try {
          this.#offer(replica, write);
        } catch (error) {
          this.#refuse(write.request, error);
        }
      },
      (error) => this.#refuse(write.request, error),
    );
  }

  #refuse(id: number, error: unknown): void {
    const none = { origin: '', sequence: 0, copies: 0, levelReached: 'any' as const };
    this.#options.answer({ id, failure: toFailure(error), ...none });
  }

  /** One after the other; tried until it works, for what waits for it has no other way. */
  async #saveState(
    replica: ShardReplica,
    { promised, isEmpty }: { readonly promised: number; readonly isEmpty: boolean },
  ): Promise<void> {
    const { disk, env, onLogFailure } = this.#options;
    await replica.saving(async () => {
      while (!this.#closed) {
        const { home } = replica;
        const facts = { ...home.facts, promised, isEmpty };
        try {
          await saveReplicaFacts(disk, home.directory, facts);
          home.facts = facts;
          this.step(replica, { kind: 'state-saved', promised, isEmpty });
          return;
        } catch (error) {
          env.log.warn('cannot save the state of a replica', { shard: replica.shard, error });
          if (error instanceof CitadelError) onLogFailure(error);
          await env.timers.sleep(saveRetryMs);
        }
      }
    });
  }

  async #renew(replica: ShardReplica): Promise<void> {
    await replica.alone(async () => {
      await this.set.renew(replica);
      this.step(replica, { kind: 'store-renewed', origin: this.set.newOrigin(), lsn: 0 });
    });
  }

  #storeFailed({ shard }: ShardReplica, error: unknown): void {
    this.#options.env.log.error('cannot start a replica anew', { shard, error });
    if (error instanceof CitadelError) this.#options.onLogFailure(error);
  }

  /** Store failures here mean that state is wrong: they leave as they are and end the thread. */
  #logged(records: readonly LogRecord[], segment: number, offset: number): void {
    const now = this.#options.env.clock.monotonicMs();
    const logged = new Map<ShardReplica, number>();
    let bytes = 0;
    let at = offset;
    for (const record of records) {
      const { replicaId, lsn, origin, sequence, frame } = record;
      // What a replica logged before it started anew is nobody's.
      const replica = this.set.find(replicaId);
      if (replica !== undefined) {
        replica.index.add(origin, sequence, { segment, offset: at, size: frame.length });
        replica.writes.note(frame.length, now);
        logged.set(replica, lsn);
      }
      bytes += frame.length;
      at += recordSize(record);
    }
    for (const [replica, lsn] of logged) {
      replica.noteWrite(now);
      this.step(replica, { kind: 'logged', lsn });
      this.#options.tails.noteEntries(replica.shard);
    }
    // Stores keep frames in memory of their own.
    this.#options.env.host.noteDropped(bytes);
  }

  #failed(error: CitadelError, records: readonly LogRecord[]): void {
    const hit = new Set(records.map(({ replicaId }) => this.set.find(replicaId)));
    for (const replica of hit) {
      if (replica === undefined) continue;
      this.step(replica, { kind: 'append-failed', error, newOrigin: this.set.newOrigin() });
    }
    this.#options.onLogFailure(error);
  }

  /** What the log does not hold of what is here, as replay found it. */
  #tellMissing(replica: ShardReplica): void {
    const { state, peers } = replica;
    const missing: Versions = state.versions;
    for (const { origin, sequence } of peers?.index.missingOf(missing) ?? []) {
      if (sequence > 0) this.step(replica, { kind: 'trimmed', origin, sequence });
    }
  }

  /** The segment from which on the log is kept for tails, within their bound. */
  #neededByTails(): number {
    const { tails } = this.#options;
    let segment = Number.POSITIVE_INFINITY;
    for (const { shard, index } of this.replicas.values()) {
      if (kindOfSlot(shard) === 'tstore')
        segment = Math.min(segment, tails.neededFrom(shard, index));
    }
    const { segments, lastSegment } = this.log;
    return Math.max(segment, firstWithin(segments, tails.logBytesMax, lastSegment + 1));
  }

  async #forgetThrough(segment: number): Promise<void> {
    await this.set.reader.forgetBelow(segment + 1);
    for (const replica of this.replicas.values()) {
      for (const { origin, sequence } of replica.index.dropBelow(segment + 1)) {
        if (replica.peers === undefined) continue;
        this.step(replica, { kind: 'trimmed', origin, sequence });
      }
    }
  }
}
