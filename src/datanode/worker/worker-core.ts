/**
 * A data worker without its thread: owns logs and the shards that go with them, takes messages, sends
 * messages. The entry file `shard-worker.ts` connects it to the real thread.
 */

import { CitadelError } from '../../base/errors.ts';
import type { TStore } from '../../tstore/tstore.ts';
import { kindOfSlot, shardOfSlot } from '../slots.ts';
import { Caretaker } from './caretaker.ts';
import { ClusterTraffic } from './cluster-traffic.ts';
import { Compactor } from './compactor.ts';
import { describeIsolated, describeReplica } from './describe-worker.ts';
import { toFailure } from './failure.ts';
import { FlushScheduler, memtableBytesOf } from './flush-scheduler.ts';
import type {
  RetentionRule,
  ToWorker,
  WorkerCall,
  WorkerStatus,
  WriteAnswer,
  WriteItem,
} from './messages.ts';
import { QuickGets } from './quick-gets.ts';
import type { ReplicaGroup } from './replica-group.ts';
import { isTStore, type ReplicaStore } from './replica-store.ts';
import { RestoreSessions } from './restore-sessions.ts';
import type { ShardReplica } from './shard-replica.ts';
import { StreamServer } from './stream-server.ts';
import type { TailServer } from './tail-server.ts';
import type { WorkerOptions } from './worker-options.ts';

/** Share of the memory budget that memtables and frames on their way may take before writes are refused. */
const memtableShare = 0.6;
/** Flushing starts at this share of that. */
const flushShare = 0.5;
/** Beyond this share of what memtables may take, entries of peers are dropped, and pulled later. */
const pushShare = 0.95;
/** A log may grow to so many segments before the oldest memtable is flushed. */
const segmentsPerLog = 4;

interface WorkerParts {
  readonly groups: readonly ReplicaGroup[];
  readonly answers: WriteAnswer[];
  readonly tails: TailServer;
}

export class WorkerCore {
  readonly #options: WorkerOptions;
  readonly #groups: readonly ReplicaGroup[];
  /** Undefined on a node without peers. */
  readonly #traffic: ClusterTraffic | undefined;
  readonly #streams: StreamServer;
  readonly #quickGets: QuickGets;
  readonly #tails: TailServer;
  readonly #flushes: FlushScheduler;
  readonly #compactor: Compactor;
  readonly #caretaker: Caretaker;
  readonly #restores: RestoreSessions;
  readonly #memtableBytesMax: number;
  readonly #answers: WriteAnswer[];
  #answersQueued = false;
  #policies: readonly RetentionRule[];
  #diskFull = false;
  #closing = false;

  constructor(options: WorkerOptions, { groups, answers, tails }: WorkerParts) {
    const { env, disk, start, send } = options;
    this.#options = options;
    this.#groups = groups;
    this.#answers = answers;
    this.#tails = tails;
    this.#policies = start.policies;
    this.#memtableBytesMax = start.memoryBytes * memtableShare;
    const replica = (shard: number) => this.replicaOf(shard);
    const hasPeers = start.cluster !== undefined;
    const problem = (shard: number) => this.#groupOf(shard)?.set.isolated.get(shard)?.error;
    const memory = start.scanMemory;
    this.#streams = new StreamServer({ env, replica, problem, hasPeers, send, memory });
    this.#quickGets = new QuickGets({ env, replica, problem, hasPeers }, send);
    const onDiskFull = () => this.noteDiskFull();
    this.#flushes = new FlushScheduler({
      env,
      groups,
      memtableBytes: this.#memtableBytesMax * flushShare,
      logBytes: start.segmentBytes * segmentsPerLog,
      idleFlushMs: start.idleFlushMs,
      onDiskFull,
      onProgress: () => undefined,
    });
    const isBusy = () =>
      this.#diskFull || this.#memtableBytes() > this.#memtableBytesMax * flushShare;
    this.#compactor = new Compactor({ env, groups, isBusy, onDiskFull });
    this.#restores = new RestoreSessions(env, (shard) => this.#replicaFor(shard));
    this.#caretaker = new Caretaker({ env, disk, groups, rules: start.care });
    this.#traffic = this.#openTraffic();
  }

  /** Nothing of it is damaged or set apart. */
  get isWhole(): boolean {
    return this.#groups.every(({ set }) => set.isWhole);
  }

  receive(message: ToWorker): void {
    switch (message.kind) {
      case 'write':
        this.#write(message.items);
        return;
      case 'stream':
        this.#streams.start(message.id, message.shards, message.request);
        return;
      case 'credit':
        this.#streams.credit(message.id, message.bytes);
        return;
      case 'cancel':
        this.#streams.cancel(message.id);
        return;
      case 'kv-gets':
        this.#quickGets.answer(message.parcel);
        return;
      case 'call':
        this.#answerCall(message.id, message.call);
        return;
      case 'policies':
        this.#setPolicies(message.policies);
        return;
      case 'disk':
        this.#diskFull = message.full;
        this.#tails.suspend(message.full);
        this.#flushes.retryNow();
        this.#traffic?.stepAll({ kind: 'ability', canAccept: !message.full });
        return;
      case 'tail-rules':
      case 'tail-positions':
      case 'read-tail':
        this.#tails.receive(message);
        return;
      case 'forget':
        this.#forget(message.shard, message.id);
        return;
      default:
        this.#traffic?.receive(message);
        this.queueAnswers();
    }
  }

  /** Undefined: not here. */
  replicaOf(shard: number): ShardReplica | undefined {
    return this.#groupOf(shard)?.replicas.get(shard);
  }

  /** Answers of one turn of the event loop leave in one message. */
  queueAnswers(): void {
    if (this.#answersQueued || this.#answers.length === 0) return;
    this.#answersQueued = true;
    this.#options.env.timers.yieldNow().then(this.#sendAnswers, this.#sendAnswers);
  }

  readonly #sendAnswers = (): void => {
    this.#answersQueued = false;
    if (this.#answers.length === 0) return;
    this.#options.send({ kind: 'answers', answers: this.#answers.splice(0) });
  };

  noteDiskFull(): void {
    if (this.#diskFull) return;
    this.#diskFull = true;
    this.#options.send({ kind: 'disk-full' });
  }

  #groupOf(shard: number): ReplicaGroup | undefined {
    return this.#groups[this.#options.start.logIds.indexOf(shard % this.#options.start.logCount)];
  }

  #openTraffic(): ClusterTraffic | undefined {
    const { env, start } = this.#options;
    if (start.cluster === undefined) return undefined;
    return new ClusterTraffic({
      env,
      groups: this.#groups,
      cluster: start.cluster,
      groupOf: (shard) => this.#groupOf(shard),
      isFull: () => this.#isFullForPeers(),
      onOpened: ({ store }) => {
        if (isTStore(store)) store.setPolicies(this.#policies);
      },
    });
  }

  #isFullForPeers(): boolean {
    const memoryBytes = this.#memtableBytes();
    if (memoryBytes > this.#memtableBytesMax * flushShare) this.#flushes.wake();
    return this.#diskFull || memoryBytes > this.#memtableBytesMax * pushShare;
  }

  #memtableBytes(): number {
    let sum = memtableBytesOf(this.#groups);
    for (const { inFlightBytes } of this.#groups) sum += inFlightBytes;
    return sum;
  }

  #write(items: readonly WriteItem[]): void {
    let memoryBytes = this.#memtableBytes();
    for (const item of items) {
      const group = this.#groupOf(item.shard);
      const replica = group?.replicas.get(item.shard);
      const isMade = group !== undefined && replica === undefined && this.#isMadeByWrite(item);
      const refusal = this.#refusal(item, isMade || replica !== undefined, memoryBytes);
      if (refusal === undefined && isMade) {
        this.#writeFirst(group, item);
        continue;
      }
      if (refusal !== undefined || group === undefined || replica === undefined) {
        const none = { origin: '', sequence: 0, copies: 0, levelReached: 'any' as const };
        this.#answers.push({ id: item.id, failure: toFailure(refusal), ...none });
        continue;
      }
      memoryBytes += item.frame.length;
      group.write(replica, item);
    }
    this.queueAnswers();
    if (memoryBytes > this.#memtableBytesMax * flushShare) this.#flushes.wake();
  }

  #refusal(item: WriteItem, isHere: boolean, memoryBytes: number): CitadelError | undefined {
    if (this.#closing) return new CitadelError('unavailable', 'the node is shutting down');
    const damage = isHere ? undefined : this.#groupOf(item.shard)?.set.isolated.get(item.shard);
    if (damage !== undefined) {
      const message = `cannot write to shard ${shardOfSlot(item.shard)}: ${damage.error.message}`;
      return new CitadelError('read-only', message);
    }
    if (!isHere) {
      return new CitadelError('redirect', `shard ${shardOfSlot(item.shard)} is not here`);
    }
    if (this.#diskFull) {
      return new CitadelError('disk-full', 'cannot write: no space left on the disk');
    }
    if (memoryBytes + item.frame.length > this.#memtableBytesMax) {
      return new CitadelError('overloaded', 'cannot write: memory budget used up, retry shortly', {
        details: { memoryBytes, limit: this.#memtableBytesMax },
      });
    }
    return undefined;
  }

  /** Without peers a shard of keys is made when it is first written to. */
  #isMadeByWrite({ shard }: Pick<WriteItem, 'shard'>): boolean {
    const { cluster, shardCount } = this.#options.start;
    const isKeys = kindOfSlot(shard) === 'kstore' && shardOfSlot(shard) < shardCount;
    const isDamaged = this.#groupOf(shard)?.set.isolated.has(shard) === true;
    return isKeys && cluster === undefined && !isDamaged;
  }

  async #replicaFor(shard: number): Promise<ShardReplica> {
    const found = this.replicaOf(shard);
    if (found !== undefined) return found;
    const group = this.#groupOf(shard);
    if (group !== undefined && this.#isMadeByWrite({ shard }))
      return group.set.create(shard, undefined);
    throw new CitadelError('redirect', `shard ${shardOfSlot(shard)} is not here`);
  }

  /** Those that come meanwhile wait for the same replica, in their order. */
  #writeFirst(group: ReplicaGroup, item: WriteItem): void {
    group.set.create(item.shard, undefined).then(
      (replica) => {
        group.write(replica, item);
        this.queueAnswers();
      },
      (error: unknown) => {
        const none = { origin: '', sequence: 0, copies: 0, levelReached: 'any' as const };
        this.#answers.push({ id: item.id, failure: toFailure(error), ...none });
        this.queueAnswers();
      },
    );
  }

  #forget(shard: number, request: number): void {
    const replica = this.replicaOf(shard);
    if (replica !== undefined) this.#groupOf(shard)?.step(replica, { kind: 'forget', request });
  }

  #setPolicies(policies: readonly RetentionRule[]): void {
    this.#policies = policies;
    for (const { store } of this.#all()) if (isTStore(store)) store.setPolicies(policies);
  }

  #answerCall(id: number, call: WorkerCall): void {
    const { send } = this.#options;
    this.#call(call).then(
      (status) => {
        send({ kind: 'done', id, failure: undefined, status });
        if (call.kind === 'close') this.#options.onClosed();
      },
      (error) => {
        send({ kind: 'done', id, failure: toFailure(error), status: undefined });
        if (call.kind === 'close') this.#options.onClosed();
      },
    );
  }

  async #call(call: WorkerCall): Promise<WorkerStatus | undefined> {
    switch (call.kind) {
      case 'status':
        return this.#status();
      case 'drop':
        await this.#forEachTStore((store) => store.dropData(call.dbId, call.rpId));
        return undefined;
      case 'expire':
        await this.#forEachTStore(async (store) => {
          const count = await store.expire(call.nowNs);
          if (count > 0) this.#options.env.log.info('retention removed files', { count });
        });
        return undefined;
      case 'purge':
        await this.#forEach((store) => store.purgeTrash(call.olderThanMs));
        return undefined;
      case 'repair':
        this.#caretaker.repair(call.shard);
        return undefined;
      case 'restore':
        await this.#restores.take(call.request);
        return undefined;
      case 'close':
        await this.#close(call.flush);
        return undefined;
    }
  }

  #forEachTStore(work: (store: TStore) => Promise<void>): Promise<void> {
    return this.#forEach(async (store) => {
      if (isTStore(store)) await work(store);
    });
  }

  async #forEach(work: (store: ReplicaStore) => Promise<void>): Promise<void> {
    for (const replica of this.#all()) await replica.alone(() => work(replica.store));
  }

  *#all(): Generator<ShardReplica> {
    for (const { replicas } of this.#groups) yield* replicas.values();
  }

  #status(): WorkerStatus {
    let indexBytes = 0;
    for (const { store } of this.#all()) if (isTStore(store)) indexBytes += store.status.indexBytes;
    const isolated = this.#groups.flatMap(({ set }) => [...set.isolated.values()]);
    const nowMs = this.#options.env.clock.monotonicMs();
    const opened = [...this.#all()].map((replica) => describeReplica(replica, nowMs));
    const shards = opened.concat(isolated.map(describeIsolated));
    const logBytes = this.#groups.reduce((sum, { log }) => sum + log.sizeBytes, 0);
    const memoryBytes = this.#memtableBytes() + this.#options.cacheBytes() + indexBytes;
    return { shards, logBytes, memoryBytes, care: this.#caretaker.counts };
  }

  async #close(flush: boolean): Promise<void> {
    this.#closing = true;
    await this.#traffic?.stop();
    await this.#streams.stop();
    await this.#tails.stop();
    await this.#compactor.stop();
    await this.#caretaker.stop();
    try {
      await this.#flushes.stop(flush);
    } catch (error) {
      // The log keeps what could not be flushed.
      this.#options.env.log.warn('not all could be flushed', { error });
    }
    for (const group of this.#groups) await group.close();
    this.#sendAnswers();
    for (const replica of this.#all()) await replica.alone(() => replica.store.close());
  }
}
