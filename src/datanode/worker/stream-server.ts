/**
 * Streams of blocks from the stores of one worker to the main thread, pulled by credit: a consumer that
 * stops taking holds the scan back; a cancelled one ends it at the next slice.
 */

import { CitadelError } from '../../base/errors.ts';
import { type MemoryLimits, MemoryPool } from '../../base/memory-budget.ts';
import { StopController } from '../../base/stop-signal.ts';
import { Turnstile } from '../../base/turnstile.ts';
import type { Env } from '../../env/env.ts';
import { toFailure } from './failure.ts';
import type { FromWorker, StreamRequest } from './messages.ts';
import { openStream, type StreamWork } from './open-stream.ts';
import type { ShardReplica } from './shard-replica.ts';
import { BlockPacker } from './transfer-blocks.ts';

/** Sent and not yet taken, of all streams together and of one; always at least one block. */
const windowsBytes = 32 * 1024 * 1024;
const windowBytes = { min: 64 * 1024, max: 1024 * 1024 };
const streamCountMax = 1024;
/** Blocks leave together when they weigh so much, or when the slice ends and they are worth a message. */
const messageBytes = 128 * 1024;
/** Blocks are made for so long before writes get their turn. */
const sliceMs = 5;
/** With less than this they wait for more, but no longer than so. */
const smallBytes = 16 * 1024;
const smallWaitMs = 50;

interface Stream {
  readonly abort: AbortController;
  outstanding: number;
  /** Resolves when the consumer took something, or cancelled. */
  moved: () => void;
}

export interface StreamServerOptions {
  readonly env: Pick<Env, 'clock' | 'timers'>;
  readonly replica: (shard: number) => ShardReplica | undefined;
  /** Why a replica that is here cannot be opened. */
  readonly problem: (shard: number) => CitadelError | undefined;
  readonly hasPeers: boolean;
  readonly send: (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void;
  readonly memory: MemoryLimits;
}

export class StreamServer {
  readonly #options: StreamServerOptions;
  readonly #streams = new Map<number, Stream>();
  readonly #running = new Set<Promise<void>>();
  readonly #memory: MemoryPool;
  readonly #turnstile: Turnstile;

  constructor(options: StreamServerOptions) {
    this.#options = options;
    this.#memory = new MemoryPool(options.memory);
    this.#turnstile = new Turnstile(() => options.env.timers.yieldNow());
  }

  get #windowBytes(): number {
    const share = windowsBytes / this.#streams.size;
    return Math.max(windowBytes.min, Math.min(windowBytes.max, share));
  }

  start(id: number, shards: readonly number[], request: StreamRequest): void {
    const stream: Stream = { abort: new StopController(), outstanding: 0, moved: () => undefined };
    if (this.#streams.size >= streamCountMax) {
      const error = new CitadelError('limit-exceeded', 'too many scans at once on this node');
      this.#options.send({ kind: 'end', id, failure: toFailure(error) });
      return;
    }
    this.#streams.set(id, stream);
    const memory = this.#memory.open();
    const running = this.#run(id, stream, { shards, request, memory })
      .catch((error: unknown) => this.#end(id, error))
      .finally(() => {
        memory.close();
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  credit(id: number, bytes: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.outstanding -= bytes;
    stream.moved();
  }

  cancel(id: number): void {
    const stream = this.#streams.get(id);
    stream?.abort.abort();
    stream?.moved();
  }

  /** Resolves when all have ended: within a slice. */
  async stop(): Promise<void> {
    for (const id of this.#streams.keys()) this.cancel(id);
    await Promise.allSettled(this.#running);
  }

  #end(id: number, error: unknown): void {
    this.#streams.delete(id);
    const failure = error === undefined ? undefined : toFailure(error);
    this.#options.send({ kind: 'end', id, failure });
  }

  #open(work: StreamWork, signal: AbortSignal): ReturnType<typeof openStream> {
    const { env, replica, problem, hasPeers } = this.#options;
    const turnstile = this.#turnstile;
    const timers = { ...env.timers, yieldNow: () => turnstile.turn(signal) };
    const world = { clock: env.clock, timers };
    return openStream({ env: world, replica, problem, hasPeers, signal }, work);
  }

  async #run(id: number, stream: Stream, work: StreamWork): Promise<void> {
    const { clock } = this.#options.env;
    const { signal } = stream.abort;
    const packer = new BlockPacker();
    let sliceStart = clock.monotonicMs();
    let lastSent = sliceStart;
    for await (const block of this.#open(work, signal)) {
      if (signal.aborted) break;
      packer.add(block);
      const nowMs = clock.monotonicMs();
      const isSliceOver = nowMs - sliceStart > sliceMs;
      if (packer.bytes < messageBytes && !isSliceOver) continue;
      if (packer.bytes >= smallBytes || nowMs - lastSent > smallWaitMs) {
        this.#sendBlocks(id, stream, packer, false);
        lastSent = nowMs;
      }
      if (stream.outstanding > this.#windowBytes) await this.#waitForCredit(stream);
      if (isSliceOver) await this.#turnstile.turn(signal);
      sliceStart = clock.monotonicMs();
    }
    if (packer.blockCount === 0 || signal.aborted) {
      this.#end(id, undefined);
      return;
    }
    this.#streams.delete(id);
    this.#sendBlocks(id, stream, packer, true);
  }

  #sendBlocks(id: number, stream: Stream, packer: BlockPacker, isLast: boolean): void {
    const parcel = packer.take();
    this.#options.send({ kind: 'blocks', id, parcel, isLast }, [parcel.buffer]);
    stream.outstanding += parcel.bytes;
  }

  async #waitForCredit(stream: Stream): Promise<void> {
    while (stream.outstanding > this.#windowBytes && !stream.abort.signal.aborted) {
      await new Promise<void>((resolve) => {
        stream.moved = resolve;
      });
    }
  }
}
