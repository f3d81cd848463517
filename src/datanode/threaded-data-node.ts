/**
 * The data node over real threads: starts them, watches them, routes to them, and runs what concerns the
 * whole directory (ballast, retention, trash).
 */

import { Worker } from 'node:worker_threads';
import { CitadelError } from '../base/errors.ts';
import { type MemoryLimits, unlimitedMemory } from '../base/memory-budget.ts';
import type { Env, TimerHandle } from '../env/env.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../model/plan.ts';
import type {
  DataNodeApi,
  DataNodeStatus,
  ShardDigest,
  WriteShardRequest,
  WriteShardResponse,
} from '../rpc/data-node-api.ts';
import { type SqliteWriterThread, startSqliteWriterThread } from '../sqlite/writer-thread.ts';
import type { DataDirectory } from './data-directory.ts';
import { type DiskGuard, openDiskGuard } from './disk-guard.ts';
import type { FsyncMode } from './log/commit-log.ts';
import { loadClockMark, RetentionClock, saveClockMark } from './retention-clock.ts';
import type { RetentionRule, WorkerStart } from './worker/messages.ts';
import { WorkerLink } from './worker-link.ts';

const mebibyte = 1024 * 1024;
const defaults = { segmentBytes: 64 * mebibyte, ballastBytes: 64 * mebibyte, idleFlushMs: 5_000 };
const clockCheckMs = 60_000;
/** Retention is looked at shortly after start and every so many clock checks. */
const firstExpireMs = 15_000;
const checksPerExpire = 5;
/** Frames on their way to one worker: a share of its memory, but always a few of the largest. */
const inFlightShare = 1 / 8;
const inFlightBytes = { min: 8 * mebibyte, max: 64 * mebibyte };
/** How long removed files stay in the trash. */
const trashMs = 600_000;

export interface OpenProgress {
  readonly threadsReady: number;
  readonly threadCount: number;
  /** Of the commit logs. */
  readonly replayedBytes: number;
}

export interface ThreadedOptions {
  readonly threads: number;
  readonly fsync: FsyncMode;
  readonly fsyncIntervalMs: number;
  readonly memoryBytes: number;
  readonly scanMemory?: MemoryLimits | undefined;
  readonly policies: readonly RetentionRule[];
  readonly segmentBytes?: number | undefined;
  readonly ballastBytes?: number | undefined;
  readonly idleFlushMs?: number | undefined;
}

function shareOf({ queryBytes, totalBytes }: MemoryLimits, threadCount: number): MemoryLimits {
  return { queryBytes: queryBytes / threadCount, totalBytes: totalBytes / threadCount };
}

interface Thread {
  readonly worker: Worker;
  readonly link: WorkerLink;
  readonly ended: Promise<void>;
}

/** Logs are dealt out to threads in turn. */
function dealLogs(logCount: number, threads: number): number[][] {
  const count = Math.min(threads, logCount);
  const dealt: number[][] = Array.from({ length: count }, () => []);
  for (let log = 0; log < logCount; log++) dealt[log % count]!.push(log);
  return dealt;
}

export class ThreadedDataNode implements DataNodeApi {
  readonly failed: Promise<CitadelError>;
  readonly #env: Env;
  readonly #directory: DataDirectory;
  readonly #options: ThreadedOptions;
  readonly #writer: SqliteWriterThread;
  readonly #threads: Thread[] = [];
  #guard: DiskGuard | undefined;
  #retention: RetentionClock | undefined;
  readonly #timers: TimerHandle[] = [];
  #clockChecks = 0;
  /** Before that a failure is the answer of `start`. */
  #isOpen = false;
  #failure: CitadelError | undefined;
  #noteFailure: (error: CitadelError) => void = () => undefined;
  #closing: Promise<void> | undefined;

  static async start(
    env: Env,
    directory: DataDirectory,
    options: ThreadedOptions,
    onProgress: (progress: OpenProgress) => void,
  ): Promise<ThreadedDataNode> {
    const node = new ThreadedDataNode(env, directory, options);
    try {
      await node.#open(onProgress);
      return node;
    } catch (error) {
      await node.#abandon();
      throw error;
    }
  }

  private constructor(env: Env, directory: DataDirectory, options: ThreadedOptions) {
    this.#env = env;
    this.#directory = directory;
    this.#options = options;
    this.failed = new Promise((resolve) => {
      this.#noteFailure = resolve;
    });
    this.#writer = startSqliteWriterThread(directory.path);
    this.#writer.failed.catch((error: CitadelError) => this.#fail(error));
  }

  async writeShard(request: WriteShardRequest, signal?: AbortSignal): Promise<WriteShardResponse> {
    if (this.#guard?.isFull) {
      throw new CitadelError('disk-full', 'cannot write: no space left on the disk');
    }
    const entry = await this.#linkOf(request.shard).write(request, signal);
    // One replica is all there are: every level is reached by it.
    return { ...entry, copies: 1, levelReached: request.level };
  }

  scan(
    shards: readonly number[],
    plan: ShardPlan,
    signal: AbortSignal,
  ): readonly AsyncIterable<ScanBlock>[] {
    return this.#group(shards).map(
      ([link, own]) =>
        link.stream(own, { kind: 'scan', plan }, signal) as AsyncGenerator<ScanBlock>,
    );
  }

  schema(
    shards: readonly number[],
    plan: SchemaPlan,
    signal: AbortSignal,
  ): readonly AsyncIterable<SchemaBlock>[] {
    return this.#group(shards).map(
      ([link, own]) =>
        link.stream(own, { kind: 'schema', plan }, signal) as AsyncGenerator<SchemaBlock>,
    );
  }

  async dropData(dbId: string, rpId: string | undefined): Promise<void> {
    await Promise.all(this.#threads.map(({ link }) => link.call({ kind: 'drop', dbId, rpId })));
  }

  setPolicies(policies: readonly RetentionRule[]): void {
    for (const { link } of this.#threads) link.setPolicies(policies);
  }

  async digest(): Promise<readonly ShardDigest[]> {
    throw new CitadelError('unsupported', 'cannot compare replicas on a node without peers');
  }

  async status(): Promise<DataNodeStatus> {
    const { memoryBytes: memoryBudgetBytes } = this.#options;
    const diskFreeBytes = await this.#directory.disk.freeBytes();
    if (this.#failure !== undefined) {
      const reason = this.#failure.message;
      const none = { shards: [], logBytes: 0, memoryBytes: 0 };
      return { state: 'failed', reason, ...none, diskFreeBytes, memoryBudgetBytes };
    }
    const parts = await Promise.all(this.#threads.map(({ link }) => link.call({ kind: 'status' })));
    const known = parts.filter((part) => part !== undefined);
    const isFull = this.#guard?.isFull === true;
    return {
      state: isFull ? 'disk-full' : 'ok',
      reason: isFull ? 'no space left on the disk, writes are refused' : '',
      shards: known.flatMap(({ shards }) => shards).sort((a, b) => a.shard - b.shard),
      logBytes: known.reduce((sum, { logBytes }) => sum + logBytes, 0),
      memoryBytes: known.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      diskFreeBytes,
      memoryBudgetBytes,
    };
  }

  close(options: { readonly flush: boolean }): Promise<void> {
    this.#closing ??= this.#close(options.flush);
    return this.#closing;
  }

  #linkOf(shard: number): WorkerLink {
    const { shardCount, logCount } = this.#directory.identity;
    if (!(shard >= 0 && shard < shardCount)) {
      throw new CitadelError('invalid-argument', `there is no shard ${shard}, only ${shardCount}`);
    }
    const thread = this.#threads[(shard % logCount) % this.#threads.length];
    if (thread === undefined) throw new CitadelError('unavailable', 'the data node is closed');
    return thread.link;
  }

  #group(shards: readonly number[]): [WorkerLink, number[]][] {
    const byLink = new Map<WorkerLink, number[]>();
    for (const shard of shards) {
      const link = this.#linkOf(shard);
      const own = byLink.get(link);
      if (own === undefined) byLink.set(link, [shard]);
      else own.push(shard);
    }
    return [...byLink];
  }

  async #open(onProgress: (progress: OpenProgress) => void): Promise<void> {
    const { disk, identity } = this.#directory;
    await disk.makeDirectory('log');
    await disk.syncDirectory('.');
    this.#guard = await openDiskGuard({
      env: this.#env,
      disk,
      ballastBytes: this.#options.ballastBytes ?? defaults.ballastBytes,
      onChange: (full) => this.#diskChanged(full),
    });
    const deal = dealLogs(identity.logCount, this.#options.threads);
    let replayedBytes = 0;
    let threadsReady = 0;
    const tell = () => onProgress({ threadsReady, threadCount: deal.length, replayedBytes });
    for (const logIds of deal) {
      this.#threads.push(
        this.#startThread(logIds, deal.length, (bytes) => {
          replayedBytes += bytes;
          tell();
        }),
      );
    }
    const opening = this.#threads.map(async ({ link }) => {
      await link.ready;
      threadsReady++;
      tell();
    });
    await Promise.all(opening);
    if (this.#guard.isFull) this.#diskChanged(true);
    await this.#startRetention();
    this.#isOpen = true;
  }

  #startThread(
    logIds: readonly number[],
    threadCount: number,
    onProgress: (replayedBytes: number) => void,
  ): Thread {
    const { identity, path } = this.#directory;
    const { fsync, fsyncIntervalMs, memoryBytes, scanMemory, policies, ...rest } = this.#options;
    const writerPort = this.#writer.openPort();
    const start: WorkerStart = {
      root: path,
      shardCount: identity.shardCount,
      logCount: identity.logCount,
      logIds,
      fsync,
      fsyncIntervalMs,
      segmentBytes: rest.segmentBytes ?? defaults.segmentBytes,
      memoryBytes: Math.floor(memoryBytes / threadCount),
      scanMemory: shareOf(scanMemory ?? unlimitedMemory, threadCount),
      idleFlushMs: rest.idleFlushMs ?? defaults.idleFlushMs,
      policies,
      writerPort,
    };
    const worker = new Worker(new URL('./shard-worker.js', import.meta.url), {
      workerData: start,
      transferList: [writerPort],
    });
    const { timers, log } = this.#env;
    const onDiskFull = () => this.#guard?.noteFull();
    const thread = log.with({ logs: logIds.join(',') });
    const share = start.memoryBytes * inFlightShare;
    const inFlightBytesMax = Math.max(inFlightBytes.min, Math.min(inFlightBytes.max, share));
    const link = new WorkerLink({
      worker,
      timers,
      log: thread,
      inFlightBytesMax,
      onProgress,
      onDiskFull,
    });
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const die = (message: string, cause?: unknown) => {
      const error = new CitadelError('internal', message, { cause });
      link.fail(error);
      this.#fail(error);
    };
    worker.once('error', (cause) => die(`a data worker failed: ${cause.message}`, cause));
    worker.once('exit', (code) => die(`a data worker ended with ${code}`));
    return { worker, link, ended };
  }

  /** Loud and once: the owner of the process ends it. */
  #fail(error: CitadelError): void {
    if (!this.#isOpen || this.#failure !== undefined || this.#closing !== undefined) return;
    this.#failure = error;
    this.#env.log.error('data node failed', { error: error.cause ?? error });
    this.#noteFailure(error);
  }

  #diskChanged(full: boolean): void {
    for (const { link } of this.#threads) {
      link.setDiskFull(full);
      if (full) link.call({ kind: 'purge', olderThanMs: 0 }).catch(() => undefined);
    }
  }

  async #startRetention(): Promise<void> {
    const { clock, timers } = this.#env;
    this.#retention = new RetentionClock(clock, await loadClockMark(this.#directory.disk));
    const run = () => {
      this.#checkRetention().catch((error) => {
        this.#env.log.warn('retention check failed', { error });
      });
    };
    this.#timers.push(timers.after(firstExpireMs, run), timers.every(clockCheckMs, run));
  }

  async #checkRetention(): Promise<void> {
    const retention = this.#retention;
    if (retention === undefined || this.#closing !== undefined) return;
    const trusted = retention.check();
    const isDue = this.#clockChecks++ % checksPerExpire === 0;
    if (!trusted) {
      if (isDue) this.#env.log.warn('retention waits: the clock jumped by more than a day');
      return;
    }
    await saveClockMark(this.#directory.disk, retention.mark);
    if (!isDue) return;
    const nowNs = this.#env.clock.wallNs();
    for (const { link } of this.#threads) {
      await link.call({ kind: 'expire', nowNs });
      await link.call({ kind: 'purge', olderThanMs: trashMs });
    }
  }

  async #close(flush: boolean): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.#guard?.close();
    if (this.#failure === undefined) {
      const calls = this.#threads.map(({ link }) => link.call({ kind: 'close', flush }));
      const results = await Promise.allSettled(calls);
      await Promise.all(this.#threads.map(({ ended }) => ended));
      await this.#writer.close();
      const bad = results.find((result) => result.status === 'rejected');
      if (bad !== undefined) throw bad.reason;
    } else {
      await this.#abandon();
    }
  }

  /** Ends the threads as they are. */
  async #abandon(): Promise<void> {
    this.#closing ??= Promise.resolve();
    await this.#guard?.close();
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
    await this.#writer.close();
  }
}
