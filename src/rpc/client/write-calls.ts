/**
 * Writes to one node: those of one turn of the event loop leave in one call, each is answered when its own fate is
 * known. A call for every frame would cost more than the frame.
 *
 * A write that is given up is forgotten here alone; the call ends when nobody waits for any of its writes.
 */

import { CitadelError } from '../../base/errors.ts';
import type { RpcEnv } from '../contract.ts';
import type { WriteShardRequest, WriteShardResponse } from '../data-node-api.ts';
import { dataNodeService } from '../methods.ts';
import { checkFrameSize, decodeOutcomes, encodeWrites, type WriteOutcome } from '../wire/writes.ts';
import type { NodeCalls } from './node-calls.ts';
import { OpenCalls } from './open-calls.ts';

/** A call takes at most so many writes, and frames of so many bytes, one always. */
const writesMax = 256;
const bytesMax = 1024 * 1024;
/** A message that is sent dies together with what it was made of and what gRPC makes of it. */
const copiesDropped = 3;
/** No call lasts for ever, whatever its callers think. */
const deadlineMs = 60_000;

interface PendingWrite {
  readonly request: WriteShardRequest;
  /** Both do nothing once one of them was called. */
  readonly resolve: (answer: WriteShardResponse) => void;
  readonly reject: (error: unknown) => void;
  isSettled: boolean;
  /** Nobody waits for it any more. */
  onGivenUp: () => void;
}

export interface WriteCallsOptions {
  readonly env: RpcEnv;
  readonly node: string;
  readonly calls: Pick<NodeCalls, 'stream'>;
  /** The version of the map that the node has, told by each answer. */
  readonly onMapVersion: (version: number) => void;
}

export class WriteCalls {
  readonly #options: WriteCallsOptions;
  /** Those that are not answered yet. */
  readonly #open: OpenCalls;
  #queue: PendingWrite[] = [];

  constructor(options: WriteCallsOptions) {
    this.#options = options;
    this.#open = new OpenCalls(options.node, options.env.clock);
  }

  /** Errors: as DataNodeApi.writeShard, and as of calls. */
  write(request: WriteShardRequest, signal?: AbortSignal): Promise<WriteShardResponse> {
    return new Promise((resolve, reject) => {
      checkFrameSize(request);
      const giveUp = () => {
        pending.reject(new CitadelError('cancelled', 'the call was cancelled'));
        pending.onGivenUp();
      };
      const entry = this.#open.begin(request.frame.length, (error) => pending.reject(error));
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

  #enqueue(pending: PendingWrite): void {
    this.#queue.push(pending);
    if (this.#queue.length > 1) return;
    this.#options.env.timers.yieldNow().then(
      () => this.#flush(),
      () => undefined,
    );
  }

  #flush(): void {
    const queue = this.#queue.filter(({ isSettled }) => !isSettled);
    this.#queue = [];
    let batch: PendingWrite[] = [];
    let bytes = 0;
    for (const pending of queue) {
      const { length } = pending.request.frame;
      if (batch.length === writesMax || (batch.length > 0 && bytes + length > bytesMax)) {
        void this.#send(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(pending);
      bytes += length;
    }
    if (batch.length > 0) void this.#send(batch);
  }

  /** Never rejects. */
  async #send(batch: readonly PendingWrite[]): Promise<void> {
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
