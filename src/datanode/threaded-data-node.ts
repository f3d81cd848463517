/**
 * The data node over real threads: starts them, watches them, routes to them, and runs what concerns the
 * whole directory (ballast, retention, trash).
 */

import { CitadelError } from '../base/errors.ts';
import { type MemoryLimits, unlimitedMemory } from '../base/memory-budget.ts';
import type { Env } from '../env/env.ts';
import type { StoreKind } from '../model/cluster.ts';
import type { Hlc } from '../model/entry.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../model/plan.ts';
import type {
  DataNodeApi,
  DataNodeStatus,
  KvReads,
  ReadOptions,
  ShardDigest,
  WriteShardRequest,
  WriteShardResponse,
} from '../rpc/data-node-api.ts';
import { type SqliteWriterThread, startSqliteWriterThread } from '../sqlite/writer-thread.ts';
import { ValueSieve } from '../tstore/value-sieve.ts';
import { createBackups } from './backups.ts';
import { shareCare, sumCare } from './care-budget.ts';
import { type ClusterParts, ClusterPort } from './cluster-port.ts';
import type { DataDirectory } from './data-directory.ts';
import { dealLogs } from './deal-logs.ts';
import { type DiskGuard, openDiskGuard } from './disk-guard.ts';
import { createKvReads } from './kv-reads.ts';
import type { FsyncMode } from './log/commit-log.ts';
import { NodeTails } from './node-tails.ts';
import { type RetentionTask, startRetention } from './retention-task.ts';
import { shareOf } from './share-out.ts';
import { type LinkShards, leaveOut, shareShards } from './share-shards.ts';
import { shardOfSlot, slotOf } from './slots.ts';
import type { CareRules } from './worker/care-rules.ts';
import type { RetentionRule, StreamBlock, StreamRequest, WorkerStart } from './worker/messages.ts';
import type { TailsAtStart } from './worker/tail-holds.ts';
import type { WorkerLink } from './worker-link.ts';
import { startWorkerThread, type WorkerThread } from './worker-thread.ts';

const mebibyte = 1024 * 1024;
const defaults = { segmentBytes: 64 * mebibyte, ballastBytes: 64 * mebibyte, idleFlushMs: 5_000 };

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
  readonly care?: CareRules | undefined;
  readonly cluster?: ClusterParts | undefined;
  readonly tails?: TailsAtStart | undefined;
}

const readAnything: ReadOptions = { level: 'one', mapVersion: 0, marks: [] };

async function* after<T>(before: Promise<void>, open: () => AsyncGenerator<T>): AsyncGenerator<T> {
  await before;
  yield* open();
}

export class ThreadedDataNode implements DataNodeApi {
  readonly failed: Promise<CitadelError>;
  readonly #env: Env;
  readonly #directory: DataDirectory;
  readonly #options: ThreadedOptions;
  readonly #writer: SqliteWriterThread;
  readonly #threads: WorkerThread[] = [];
  #guard: DiskGuard | undefined;
  /** Undefined on a node without peers. */
  #port: ClusterPort | undefined;
  #retention: RetentionTask | undefined;
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
    const slot = slotOf(request.kind ?? 'tstore', request.shard);
    const link = this.#linkOf(slot);
    if (this.#port?.isBehind(request.mapVersion)) await this.#port.catchUp();
    return link.write({ ...request, shard: slot }, signal);
  }

  scan(
    shards: readonly number[],
    plan: ShardPlan,
    signal: AbortSignal,
    options?: ReadOptions,
  ): readonly AsyncIterable<ScanBlock>[] {
    const links = leaveOut(this.#share(shards), plan);
    return this.#streams<ScanBlock>(links, signal, options, (read) => ({
      kind: 'scan',
      plan,
      read,
    }));
  }

  schema(
    shards: readonly number[],
    plan: SchemaPlan,
    signal: AbortSignal,
    options?: ReadOptions,
  ): readonly AsyncIterable<SchemaBlock>[] {
    return this.#streams<SchemaBlock>(this.#share(shards), signal, options, (read) => ({
      kind: 'schema',
      plan,
      read,
    }));
  }

  readonly tails = new NodeTails({
    links: () => this.#threads.map(({ link }) => link.tails),
    linkOf: (shard) => this.#linkOf(shard).tails,
  });

  readonly kv: KvReads = createKvReads((slots, signal, options, request) =>
    this.#streams(this.#share(slots), signal, options, request),
  );

  readonly backups = createBackups((slot) => this.#linkOf(slot));

  async dropData(dbId: string, rpId: string | undefined): Promise<void> {
    await Promise.all(this.#threads.map(({ link }) => link.call({ kind: 'drop', dbId, rpId })));
  }

  repair(kind: StoreKind, shard: number): void {
    const slot = slotOf(kind, shard);
    const call = { kind: 'repair', shard: slot } as const;
    this.#linkOf(slot)
      .call(call)
      .catch((error) => this.#env.log.warn('cannot repair a copy', { kind, shard, error }));
  }

  setPolicies(policies: readonly RetentionRule[]): void {
    for (const { link } of this.#threads) link.setPolicies(policies);
  }

  async digest(
    kind: StoreKind,
    shards: readonly number[],
    horizon: Hlc,
    signal: AbortSignal,
  ): Promise<readonly ShardDigest[]> {
    const digests: ShardDigest[] = [];
    const slots = shards.map((shard) => slotOf(kind, shard));
    const read = this.#share(slots).map(async ([link, own]) => {
      for await (const block of link.stream(own, { kind: 'digest', horizon }, signal)) {
        if (!('digest' in block)) continue;
        const { digest } = block;
        digests.push({ ...digest, shard: shardOfSlot(digest.shard) });
      }
    });
    await Promise.all(read);
    return digests.sort((a, b) => a.shard - b.shard);
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
      care: sumCare(known.map(({ care }) => care)),
    };
  }

  close(options: { readonly flush: boolean }): Promise<void> {
    this.#closing ??= this.#close(options.flush);
    return this.#closing;
  }

  /** One per worker; a newer map that the caller knows is read first. */
  #streams<B extends StreamBlock>(
    links: readonly LinkShards[],
    signal: AbortSignal,
    options: ReadOptions | undefined,
    request: (read: ReadOptions | undefined, own: readonly number[]) => StreamRequest,
  ): readonly AsyncIterable<B>[] {
    const port = this.#port;
    const read = port === undefined ? undefined : (options ?? readAnything);
    const open = (link: WorkerLink, own: readonly number[]) =>
      link.stream(own, request(read, own), signal) as AsyncGenerator<B>;
    if (port === undefined || !port.isBehind(read?.mapVersion ?? 0)) {
      return links.map(([link, own]) => open(link, own));
    }
    const caughtUp = port.catchUp();
    caughtUp.catch(() => undefined);
    return links.map(([link, own]) => after(caughtUp, () => open(link, own)));
  }

  #linkOf(slot: number): WorkerLink {
    const { shardCount, logCount } = this.#directory.identity;
    const shard = shardOfSlot(slot);
    if (!(shard >= 0 && shard < shardCount)) {
      throw new CitadelError('invalid-argument', `there is no shard ${shard}, only ${shardCount}`);
    }
    const thread = this.#threads[(shard % logCount) % this.#threads.length];
    if (thread === undefined) throw new CitadelError('unavailable', 'the data node is closed');
    return thread.link;
  }

  #share(shards: readonly number[]): readonly LinkShards[] {
    return shareShards(shards, (shard) => this.#linkOf(shard));
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
    await this.#openPort(deal.length);
    let replayedBytes = 0;
    let threadsReady = 0;
    const tell = () => onProgress({ threadsReady, threadCount: deal.length, replayedBytes });
    for (const [i, logIds] of deal.entries()) {
      this.#threads.push(
        this.#startThread(i, logIds, deal.length, (bytes) => {
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
    this.#retention = await startRetention(this.#env, disk, async (call) => {
      for (const { link } of this.#threads) await link.call(call);
    });
    this.#port?.start();
    this.#isOpen = true;
  }

  async #openPort(threadCount: number): Promise<void> {
    const { cluster: parts } = this.#options;
    const { disk, identity } = this.#directory;
    if (parts === undefined) return;
    const { clusterUuid, shardCount, logCount } = identity;
    this.#port = await ClusterPort.open({
      env: this.#env,
      disk,
      parts,
      clusterUuid,
      shardCount,
      worker: (i) => this.#threads[i]?.link,
      workerOf: (shard) => (shard % logCount) % threadCount,
      workerCount: threadCount,
    });
  }

  #startThread(
    index: number,
    logIds: readonly number[],
    threadCount: number,
    onProgress: (replayedBytes: number) => void,
  ): WorkerThread {
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
      care: shareCare(rest.care, threadCount),
      writerPort,
      sieve: this.#port === undefined ? new ValueSieve().memory : undefined,
      cluster: this.#port?.describe(index),
      tails: rest.tails,
    };
    const { timers, log } = this.#env;
    const thread = startWorkerThread(start, {
      timers,
      log: log.with({ logs: logIds.join(',') }),
      onProgress,
      onDiskFull: () => this.#guard?.noteFull(),
      onCluster: (message) => this.#port?.fromWorker(index, message),
      onDeath: (error) => this.#fail(error),
    });
    this.tails.connect(thread.link.tails);
    return thread;
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

  async #close(flush: boolean): Promise<void> {
    this.#retention?.stop();
    await this.#port?.close();
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
    await this.#port?.close();
    await this.#guard?.close();
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
    await this.#writer.close();
  }
}
