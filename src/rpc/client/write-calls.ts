/**
 * Writes to one node: those of one turn of the event loop leave in one message, each is answered when its own fate is
 * known. A message for every frame would cost more than the frame. They travel in a stream; to a node of a release
 * without it, in calls.
 *
 * A write that is given up is forgotten here, and the node is told; a call ends when nobody waits for any of its writes.
 */

import { CitadelError } from '../../base/errors.ts';
import type { RpcEnv } from '../contract.ts';
import type { WriteShardRequest, WriteShardResponse } from '../data-node-api.ts';
import { dataNodeService } from '../methods.ts';
import { checkFrameSize, decodeOutcomes, encodeWrites, type WriteOutcome } from '../wire/writes.ts';
import type { NodeCalls } from './node-calls.ts';
import { OpenCalls, unanswered } from './open-calls.ts';
import { copiesDropped, type PendingWrite } from './pending-write.ts';
import { WriteStream } from './write-stream.ts';

/** A message takes at most so many writes, and frames of so many bytes, one always. */
const writesMax = 256;
const bytesMax = 1024 * 1024;
/** No write lasts for ever, whatever its caller thinks. */
const deadlineMs = 60_000;

export interface WriteCallsOptions {
  readonly env: RpcEnv;
  readonly node: string;
  readonly calls: NodeCalls;
  /** The version of the map that the node has, told by each answer. */
  readonly onMapVersion: (version: number) => void;
}

export class WriteCalls {
  readonly #options: WriteCallsOptions;
  /** Those that are not answered yet. */
  readonly #open: OpenCalls;
  /** Undefined: the node knows no stream of writes. */
  #stream: WriteStream | undefined;
  #queue: PendingWrite[] = [];
  #isFlushing = false;

  constructor(options: WriteCallsOptions) {
    const { env, node, calls, onMapVersion } = options;
    this.#options = options;
    this.#open = new OpenCalls(node, env.clock);
    this.#stream = new WriteStream({
      host: env.host,
      calls,
      onMapVersion,
      onReady: () => this.#flush(),
      onUnsupported: (writes) => {
        this.#stream = undefined;
        this.#queue.unshift(...writes);
      },
    });
  }

  /** Errors: as DataNodeApi.writeShard, and as of calls. */
  write(request: WriteShardRequest, signal?: AbortSignal): Promise<WriteShardResponse> {
    return new Promise((resolve, reject) => {
      checkFrameSize(request);
      const fail = (error: CitadelError) => {
        pending.reject(error);
        pending.onGivenUp();
      };
      const giveUp = () => fail(new CitadelError('cancelled', 'the call was cancelled'));
      const entry = this.#open.begin(request.frame.length, fail);
      const settle = (run: () => void) => {
        if (pending.isSettled) return;
        pending.isSettled = true;
        entry.end();
        signal?.removeEventListener('abort', giveUp);
        run();
      };
      const pending: PendingWrite = {
        request,
        resolve: (answer) => settle(() => resolve(answer)),
        reject: (error) => settle(() => reject(error)),
        isSettled: false,
        onGivenUp: () => undefined,
      };
      if (signal?.aborted) giveUp();
      else {
        signal?.addEventListener('abort', giveUp, { once: true });
        this.#enqueue(pending);
      }
    });
  }

  /** Called every now and then: fails what has waited too long. */
  tick(): void {
    const { node } = this.#options;
    const expired = () =>
      new CitadelError('timeout', `node ${node} did not answer a write in time`);
    this.#open.failWaiting(deadlineMs, expired);
  }

  /** The node is silent: fails what has waited for so long, and says whether there was anything. */
  failSilent(silenceMs: number): boolean {
    return this.#open.failWaiting(silenceMs, () => unanswered(this.#options.node));
  }

  /** What is under way fails with `unavailable`. */
  close(message: string): void {
    this.#open.failAll(message);
    this.#stream?.close();
  }

  #enqueue(pending: PendingWrite): void {
    this.#queue.push(pending);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#options.env.timers.yieldNow().then(
      () => {
        this.#isFlushing = false;
        this.#flush();
      },
      () => undefined,
    );
  }

  #flush(): void {
    while (this.#queue.length > 0 && this.#stream?.isReady !== false) {
      const batch = this.#takeBatch();
      if (batch.length === 0) continue;
      if (this.#stream === undefined) void this.#call(batch);
      else this.#stream.send(batch);
    }
  }

  /** The next writes, in order: as many as make a message. Empty when nobody waits for those that were left. */
  #takeBatch(): PendingWrite[] {
    const batch: PendingWrite[] = [];
    let bytes = 0;
    let taken = 0;
    for (const pending of this.#queue) {
      const { length } = pending.request.frame;
      if (batch.length === writesMax || (batch.length > 0 && bytes + length > bytesMax)) break;
      taken++;
      if (pending.isSettled) continue;
      batch.push(pending);
      bytes += length;
    }
    this.#queue.splice(0, taken);
    return batch;
  }

  /** Never rejects. */
  async #call(batch: readonly PendingWrite[]): Promise<void> {
    const ending = new AbortController();
    for (const pending of batch) {
      pending.onGivenUp = () => {
        if (batch.every(({ isSettled }) => isSettled)) ending.abort();
      };
    }
    let failure: unknown = new CitadelError('internal', 'the call ended without an answer');
    try {
      const message = encodeWrites(batch.map(({ request }) => request));
      this.#options.env.host.noteDropped(message.length * copiesDropped);
      const limits = { deadlineMs, signal: ending.signal };
      const { path } = dataNodeService.WriteShards;
      for await (const part of this.#options.calls.stream(path, message, limits)) {
        for (const outcome of decodeOutcomes(part)) this.#settle(batch, outcome);
      }
    } catch (error) {
      failure = error;
    }
    for (const { reject } of batch) reject(failure);
  }

  #settle(batch: readonly PendingWrite[], outcome: WriteOutcome): void {
    const { index, mapVersion, answer, failure } = outcome;
    // Before the failure: whoever is redirected waits for the newer map.
    this.#options.onMapVersion(mapVersion);
    if (answer !== undefined) batch[index]?.resolve(answer);
    else batch[index]?.reject(failure);
  }
}
