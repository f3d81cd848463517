/**
 * The main thread's end of one data worker: requests out, answers in. Writes of one turn of the event
 * loop leave in one message.
 *
 * When the worker dies everything under way fails with `unavailable`; whether a write happened is then
 * unknown.
 */

import type { Worker } from 'node:worker_threads';
import { CitadelError } from '../base/errors.ts';
import type { Log, Timers } from '../env/env.ts';
import type { WriteShardRequest, WriteShardResponse } from '../rpc/data-node-api.ts';
import type { ValueSieve } from '../tstore/value-sieve.ts';
import { BlockStream } from './block-stream.ts';
import { isQuick, QuickReads } from './quick-reads.ts';
import { TailLink } from './tail-link.ts';
import type { ClusterFromWorker, ClusterToWorker } from './worker/cluster-messages.ts';
import { type Failure, fromFailure, toFailure } from './worker/failure.ts';
import type {
  FromWorker,
  RetentionRule,
  StreamBlock,
  StreamRequest,
  ToWorker,
  WorkerCall,
  WorkerStatus,
  WriteAnswer,
  WriteItem,
} from './worker/messages.ts';

interface PendingWrite {
  readonly shard: number;
  readonly bytes: number;
  readonly resolve: (entry: WriteShardResponse) => void;
  readonly reject: (error: CitadelError) => void;
}

interface PendingCall {
  readonly resolve: (status: WorkerStatus | undefined) => void;
  readonly reject: (error: CitadelError) => void;
}

export interface WorkerLinkOptions {
  readonly worker: Worker;
  /** What its stores may have; undefined = it must be asked. */
  readonly sieve?: ValueSieve | undefined;
  readonly timers: Timers;
  readonly log: Log;
  /** Of frames sent and not yet answered; beyond it writes are refused. One is always let through. */
  readonly inFlightBytesMax: number;
  readonly onProgress: (replayedBytes: number) => void;
  readonly onDiskFull: () => void;
  /** What the worker says about the cluster. */
  readonly onCluster: (message: ClusterFromWorker) => void;
}

export class WorkerLink {
  /** Resolves when all its shards are open. */
  readonly ready: Promise<void>;
  readonly sieve: ValueSieve | undefined;
  readonly tails = new TailLink((message) => this.#send(message));
  readonly #quickReads: QuickReads;
  readonly #options: WorkerLinkOptions;
  readonly #writes = new Map<number, PendingWrite>();
  readonly #calls = new Map<number, PendingCall>();
  readonly #streams = new Map<number, BlockStream>();
  #queue: WriteItem[] = [];
  #inFlightBytes = 0;
  #nextId = 1;
  #dead: CitadelError | undefined;
  #settleReady: (failure: CitadelError | undefined) => void = () => undefined;

  constructor(options: WorkerLinkOptions) {
    this.#options = options;
    this.sieve = options.sieve;
    const send = (message: ToWorker, transfer: readonly ArrayBuffer[]) =>
      this.#send(message, transfer);
    this.#quickReads = new QuickReads(send, options.timers);
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = (error) => (error === undefined ? resolve() : reject(error));
    });
    options.worker.on('message', (message: FromWorker) => this.#receive(message));
  }

  write(request: WriteShardRequest, signal?: AbortSignal): Promise<WriteShardResponse> {
    const { shard, writeId, level, isFallback = false, sentMs, frame } = request;
    const bytes = frame.length;
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    if (signal?.aborted) return Promise.reject(new CitadelError('cancelled', 'write cancelled'));
    const isBusy = this.#inFlightBytes > 0;
    if (isBusy && this.#inFlightBytes + bytes > this.#options.inFlightBytesMax) {
      const message = 'cannot write: too much is on its way to the disk, retry shortly';
      return Promise.reject(new CitadelError('overloaded', message));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const abort = () => this.#abandonWrite(id);
      const done = () => signal?.removeEventListener('abort', abort);
      this.#writes.set(id, {
        shard,
        bytes,
        resolve: (entry) => {
          done();
          resolve(entry);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      signal?.addEventListener('abort', abort, { once: true });
      this.#inFlightBytes += bytes;
      this.#enqueue({ id, shard, writeId, level, isFallback, sentMs, frame });
    });
  }

  stream(
    shards: readonly number[],
    request: StreamRequest,
    signal: AbortSignal,
  ): AsyncGenerator<StreamBlock> {
    const open = () => this.#openStream(shards, request, signal);
    return isQuick(request) ? this.#quickReads.blocks(request, signal, open) : open();
  }

  #openStream(
    shards: readonly number[],
    request: StreamRequest,
    signal: AbortSignal,
  ): AsyncGenerator<StreamBlock> {
    const id = this.#nextId++;
    const stream = new BlockStream({
      open: () => {
        if (this.#dead !== undefined) stream.end(this.#dead);
        else this.#streams.set(id, stream);
        this.#send({ kind: 'stream', id, shards, request });
      },
      credit: (bytes) => this.#send({ kind: 'credit', id, bytes }),
      cancel: () => {
        this.#send({ kind: 'cancel', id });
        this.#streams.delete(id);
        stream.end(new CitadelError('cancelled', 'the scan was cancelled'));
      },
    });
    return stream.blocks(signal);
  }

  /** About the cluster. */
  post(message: ClusterToWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#send(message, transfer);
  }

  call(call: WorkerCall): Promise<WorkerStatus | undefined> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#send({ kind: 'call', id, call });
    });
  }

  setPolicies(policies: readonly RetentionRule[]): void {
    this.#send({ kind: 'policies', policies });
  }

  setDiskFull(full: boolean): void {
    this.#send({ kind: 'disk', full });
  }

  /** The thread is gone: nothing under way will be answered. */
  fail(error: CitadelError): void {
    if (this.#dead !== undefined) return;
    this.#dead = error;
    this.#settleReady(error);
    for (const { reject } of this.#writes.values()) reject(error);
    for (const { reject } of this.#calls.values()) reject(error);
    for (const stream of this.#streams.values()) stream.end(error);
    this.tails.fail(error);
    this.#quickReads.fail(error);
    this.#writes.clear();
    this.#calls.clear();
    this.#streams.clear();
  }

  #send(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#dead === undefined) this.#options.worker.postMessage(message, transfer);
  }

  #enqueue(item: WriteItem): void {
    this.#queue.push(item);
    if (this.#queue.length > 1) return;
    this.#options.timers.yieldNow().then(
      () => this.#sendQueue(),
      () => undefined,
    );
  }

  #sendQueue(): void {
    const items = this.#queue;
    this.#queue = [];
    // Several parts of one request may lie in one buffer, and it can be handed over only once.
    const buffers = new Set(items.map(({ frame }) => frame.buffer as ArrayBuffer));
    try {
      this.#send({ kind: 'write', items }, [...buffers]);
    } catch (error) {
      const failure = toFailure(error);
      const none = { origin: '', sequence: 0, copies: 0, levelReached: 'any' as const };
      for (const { id } of items) this.#settleWrite({ id, failure, ...none });
    }
  }

  #abandonWrite(id: number): void {
    const pending = this.#writes.get(id);
    if (pending === undefined) return;
    this.#writes.delete(id);
    this.#inFlightBytes -= pending.bytes;
    // The message with the write may still wait in the queue: this one leaves behind it.
    const { shard } = pending;
    this.#options.timers.yieldNow().then(
      () => this.#send({ kind: 'forget', shard, id }),
      () => undefined,
    );
    pending.reject(
      new CitadelError('cancelled', 'write cancelled, whether it is stored is unknown'),
    );
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        this.#settleReady(undefined);
        return;
      case 'open-failed':
        this.#settleReady(fromFailure(message.failure));
        return;
      case 'progress':
        this.#options.onProgress(message.replayedBytes);
        return;
      case 'answers':
        for (const answer of message.answers) this.#settleWrite(answer);
        return;
      case 'blocks':
        this.#streams.get(message.id)?.push(message.parcel);
        if (message.isLast) this.#endStream(message.id, undefined);
        return;
      case 'end':
        this.#endStream(message.id, message.failure);
        return;
      case 'kv-got':
        this.#quickReads.receive(message);
        return;
      case 'done':
        this.#settleCall(message.id, message.failure, message.status);
        return;
      case 'tail':
      case 'tail-news':
        this.tails.receive(message);
        return;
      case 'disk-full':
        this.#options.onDiskFull();
        return;
      case 'log':
        this.#options.log[message.level](message.event, message.fields);
        return;
      default:
        this.#options.onCluster(message);
    }
  }

  #settleWrite(answer: WriteAnswer): void {
    const pending = this.#writes.get(answer.id);
    if (pending === undefined) return;
    this.#writes.delete(answer.id);
    this.#inFlightBytes -= pending.bytes;
    if (answer.failure !== undefined) pending.reject(fromFailure(answer.failure));
    else {
      const { origin, sequence, copies, levelReached } = answer;
      pending.resolve({ origin, sequence, copies, levelReached });
    }
  }

  #endStream(id: number, failure: Failure | undefined): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.end(failure === undefined ? undefined : fromFailure(failure));
  }

  #settleCall(id: number, failure: Failure | undefined, status: WorkerStatus | undefined): void {
    const pending = this.#calls.get(id);
    this.#calls.delete(id);
    if (failure !== undefined) pending?.reject(fromFailure(failure));
    else pending?.resolve(status);
  }
}
