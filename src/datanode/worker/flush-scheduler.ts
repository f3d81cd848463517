/**
 * Decides which replica's memtable goes to its store, and when: memory first, then logs that grew too
 * large, then what is idle or old. One flush at a time per worker.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Env, TimerHandle } from '../../env/env.ts';
import type { ReplicaGroup } from './replica-group.ts';
import type { ShardReplica } from './shard-replica.ts';

const tickMs = 250;
/** A memtable that gets a write now and then is flushed after so long, so that its log can go. */
const dirtyMsMax = 600_000;
const retryMs = 2_000;
/** At shutdown flushing ends after so long, even between the files of a shard: the log keeps the rest. */
const lastFlushMsMax = 5_000;

export interface FlushOptions {
  readonly env: Pick<Env, 'clock' | 'timers' | 'log'>;
  readonly groups: readonly ReplicaGroup[];
  /** Flushing starts when all memtables together hold more. */
  readonly memtableBytes: number;
  /** Flushing starts when one log is larger. */
  readonly logBytes: number;
  readonly idleFlushMs: number;
  readonly onDiskFull: () => void;
  /** Something was flushed or removed. */
  readonly onProgress: () => void;
}

interface Choice {
  readonly group: ReplicaGroup;
  readonly replica: ShardReplica;
  readonly reason: 'memory' | 'log' | 'idle' | 'age';
}

function isCancelled(error: unknown): boolean {
  return error instanceof CitadelError && error.code === 'cancelled';
}

export function memtableBytesOf(groups: readonly ReplicaGroup[]): number {
  let sum = 0;
  for (const { replicas } of groups) {
    for (const { store } of replicas.values()) sum += store.memoryBytes;
  }
  return sum;
}

export class FlushScheduler {
  readonly #options: FlushOptions;
  readonly #timer: TimerHandle;
  #running: Promise<void> | undefined;
  #notBeforeMs = 0;
  #stopped = false;
  readonly #ending = new AbortController();

  constructor(options: FlushOptions) {
    this.#options = options;
    this.#timer = options.env.timers.every(tickMs, () => this.wake());
  }

  /** Looks now, e.g. after a write that passed the budget. */
  wake(): void {
    if (this.#stopped || this.#options.env.clock.monotonicMs() < this.#notBeforeMs) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Retries at once, e.g. when there is room on the disk again. */
  retryNow(): void {
    this.#notBeforeMs = 0;
    this.wake();
  }

  /** Ends after the flush under way; with `all`, flushes what can be flushed within a few seconds. */
  async stop(all: boolean): Promise<void> {
    this.#stopped = true;
    this.#timer.cancel();
    const patience = this.#options.env.timers.after(lastFlushMsMax, () => this.#ending.abort());
    try {
      await this.#running;
      if (all) await this.#flushAll();
    } catch (error) {
      if (!isCancelled(error)) throw error;
      this.#options.env.log.info('the log keeps what is not flushed');
    } finally {
      patience.cancel();
    }
  }

  async #flushAll(): Promise<void> {
    const { signal } = this.#ending;
    for (const group of this.#options.groups) {
      for (const replica of group.replicas.values()) {
        if (signal.aborted) return;
        if (replica.hasUnflushed) await group.flush(replica, signal);
      }
      await group.trim();
    }
  }

  async #run(): Promise<void> {
    for (let choice = this.#choose(); choice !== undefined; choice = this.#choose()) {
      if (!(await this.#flush(choice))) return;
      if (this.#stopped) return;
    }
  }

  async #flush({ group, replica, reason }: Choice): Promise<boolean> {
    const { env, onProgress } = this.#options;
    const { shard } = replica;
    const bytes = replica.store.memoryBytes;
    const start = env.clock.monotonicMs();
    try {
      await group.flush(replica, this.#ending.signal);
      await group.trim();
      const ms = Math.round(env.clock.monotonicMs() - start);
      env.log.debug('memtable flushed', { shard, reason, bytes, ms });
      onProgress();
      return true;
    } catch (error) {
      this.#failed(replica, error);
      return false;
    }
  }

  #failed(replica: ShardReplica, error: unknown): void {
    const { env, onDiskFull } = this.#options;
    const now = env.clock.monotonicMs();
    replica.dirtySinceMs ??= now;
    this.#notBeforeMs = now + retryMs;
    if (isCancelled(error)) return;
    if (error instanceof CitadelError && error.code === 'disk-full') onDiskFull();
    else env.log.error('flush failed', { shard: replica.shard, error });
  }

  #choose(): Choice | undefined {
    const { groups, memtableBytes, idleFlushMs } = this.#options;
    if (memtableBytesOf(groups) > memtableBytes) return this.#largest();
    const now = this.#options.env.clock.monotonicMs();
    for (const group of groups) {
      const tooLong = group.unflushedLogBytes > this.#options.logBytes;
      const oldest = tooLong ? findOldest(group) : undefined;
      if (oldest !== undefined) return { group, replica: oldest, reason: 'log' };
      for (const replica of group.replicas.values()) {
        if (!replica.hasUnflushed || replica.state.pendingCount > 0) continue;
        if (now - replica.lastWriteMs > idleFlushMs) return { group, replica, reason: 'idle' };
        const age = now - (replica.dirtySinceMs ?? now);
        if (age > dirtyMsMax) return { group, replica, reason: 'age' };
      }
    }
    return undefined;
  }

  #largest(): Choice | undefined {
    let found: Choice | undefined;
    for (const group of this.#options.groups) {
      for (const replica of group.replicas.values()) {
        const larger = replica.store.memoryBytes > (found?.replica.store.memoryBytes ?? 0);
        if (larger) found = { group, replica, reason: 'memory' };
      }
    }
    return found;
  }
}

/** The replica that has waited longest holds the oldest segment. */
function findOldest(group: ReplicaGroup): ShardReplica | undefined {
  let oldest: ShardReplica | undefined;
  for (const replica of group.replicas.values()) {
    if (!replica.hasUnflushed || replica.dirtySinceMs === undefined) continue;
    if (oldest === undefined || replica.dirtySinceMs < oldest.dirtySinceMs!) oldest = replica;
  }
  return oldest;
}
