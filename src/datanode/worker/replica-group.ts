/**
 * The shard replicas that share one commit log: the log, their clock, and the way of a write from request
 * to acknowledgement.
 *
 * A write is checked, given its stamp and lsn, appended; when its group is logged it is applied to the
 * store, counted, and answered. What a crash could take back is never visible to a read.
 */

import { CitadelError, invariant } from '../../base/errors.ts';
import type { Disk, Env } from '../../env/env.ts';
import type { Hlc } from '../../model/entry.ts';
import type { HybridClock } from '../../replication/hybrid-clock.ts';
import type { LocalWrite, ReplicaEffect } from '../../replication/replica-state.ts';
import { toHex } from '../identity.ts';
import { CommitLog, type CommitLogOptions } from '../log/commit-log.ts';
import type { LogRecord } from '../log/log-layout.ts';
import type { LogSummary } from '../log/log-reader.ts';
import { toFailure, type WriteAnswer, type WriteItem } from './messages.ts';
import { checkFrame, type ShardReplica, toLogRecord } from './shard-replica.ts';
import type { StampReserve } from './stamp-reserve.ts';

export interface GroupOptions {
  readonly env: Env;
  readonly disk: Disk;
  readonly shardCount: number;
  readonly clock: HybridClock;
  readonly reserve: StampReserve;
  readonly log: Omit<CommitLogOptions, 'env' | 'disk'>;
  readonly answer: (answer: WriteAnswer) => void;
  /** The log could not take a write. */
  readonly onLogFailure: (error: CitadelError) => void;
}

export class ReplicaGroup {
  readonly log: CommitLog;
  readonly replicas: ReadonlyMap<number, ShardReplica>;
  readonly #options: GroupOptions;
  readonly #byReplicaId: ReadonlyMap<string, ShardReplica>;
  /** Of frames that wait for stamps. */
  #waitingBytes = 0;

  constructor(
    options: GroupOptions,
    replicas: ReadonlyMap<number, ShardReplica>,
    summary: LogSummary,
  ) {
    this.#options = options;
    this.replicas = replicas;
    this.#byReplicaId = new Map([...replicas.values()].map((one) => [one.replicaId, one]));
    const { env, disk } = options;
    this.log = new CommitLog({ ...options.log, env, disk }, summary, {
      logged: (records) => this.#logged(records),
      failed: (error, records) => this.#failed(error, records),
    });
  }

  /** Of frames that are accepted and not yet applied. */
  get inFlightBytes(): number {
    return this.log.pendingBytes + this.#waitingBytes;
  }

  write(item: WriteItem): void {
    const replica = this.replicas.get(item.shard);
    invariant(replica !== undefined, `shard ${item.shard} belongs to this group`);
    const { clock } = this.#options.env;
    try {
      const checksum = checkFrame(item.frame, {
        shard: item.shard,
        shardCount: this.#options.shardCount,
      });
      const { id: request, writeId, frame } = item;
      const wallMs = clock.wallMs();
      const monotonicMs = clock.monotonicMs();
      this.#offer(replica, { request, writeId, frame, checksum, wallMs, monotonicMs });
    } catch (error) {
      this.#refuse(item.id, error);
    }
  }

  /** Nothing with a stamp at or below it can still be applied here. */
  stableHlc(replica: ShardReplica): Hlc {
    const oldest = replica.state.oldestPendingHlc;
    return oldest === undefined ? this.#options.clock.last : oldest - 1;
  }

  /** Errors: as of stores and logs, `cancelled` when the signal fires. */
  flush(replica: ShardReplica, signal: AbortSignal): Promise<void> {
    return replica.flush(async () => {
      // Whatever the fsync mode: a store must never have an entry that the log could still lose.
      await this.log.sync();
      return { hlcMax: this.#options.clock.last, stableHlc: this.stableHlc(replica) };
    }, signal);
  }

  /** Removes what all stores have. With nothing left to keep, the open segment goes too. */
  async trim(): Promise<void> {
    const clean = [...this.replicas.values()].every((replica) => !replica.hasUnflushed);
    if (clean) await this.log.seal();
    await this.log.trim((replicaId) => this.#byReplicaId.get(replicaId)?.replayFrom);
  }

  #offer(replica: ShardReplica, write: LocalWrite): void {
    for (const effect of replica.state.write(write)) this.#perform(replica, effect);
    if (this.#options.reserve.isLow) this.#extendReserve().catch(() => undefined);
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
        const { request: id, origin, sequence } = effect;
        this.#options.answer({ id, origin, sequence, failure: undefined });
        return;
      }
      case 'refuse':
        this.#refuse(effect.request, new CitadelError(effect.code, effect.message));
        return;
      case 'reserve':
        this.#offerLater(replica, effect.write);
        return;
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
          this.#offer(replica, { ...write, wallMs: this.#options.env.clock.wallMs() });
        } catch (error) {
          this.#refuse(write.request, error);
        }
      },
      (error) => this.#refuse(write.request, error),
    );
  }

  #refuse(id: number, error: unknown): void {
    this.#options.answer({ id, origin: '', sequence: 0, failure: toFailure(error) });
  }

  /** Store failures here mean that state is wrong: they leave as they are and end the thread. */
  #logged(records: readonly LogRecord[]): void {
    const now = this.#options.env.clock.monotonicMs();
    for (const { replicaId, lsn } of records) {
      const replica = this.#byReplicaId.get(replicaId);
      invariant(replica !== undefined, 'only known replicas write to their log');
      replica.noteWrite(now);
      for (const effect of replica.state.logged(lsn)) this.#perform(replica, effect);
    }
  }

  #failed(error: CitadelError, records: readonly LogRecord[]): void {
    const hit = new Set(records.map(({ replicaId }) => replicaId));
    for (const replicaId of hit) {
      const replica = this.#byReplicaId.get(replicaId);
      invariant(replica !== undefined, 'only known replicas write to their log');
      const origin = toHex(this.#options.env.rng.bytes(8));
      for (const effect of replica.state.appendFailed(error, origin))
        this.#perform(replica, effect);
    }
    this.#options.onLogFailure(error);
  }
}
