/**
 * The main thread's end of gets of few keys: those of one turn of the event loop go to the worker in one message, and
 * are answered in one, without what a stream needs to be held back or ended.
 */

import { CitadelError } from '../base/errors.ts';
import type { Timers } from '../env/env.ts';
import type { KvGetBlock } from '../rpc/data-node-api.ts';
import { fromFailure } from './worker/failure.ts';
import {
  type FromWorker,
  quickKeysMax,
  quickReadsMax,
  type StreamBlock,
  type StreamRequest,
  type ToWorker,
} from './worker/messages.ts';
import { BlockPacker, unpackBlocks } from './worker/transfer-blocks.ts';

type GetRequest = Extract<StreamRequest, { kind: 'kv-get' }>;
/** Undefined: they are too large to come at once. */
type Blocks = readonly KvGetBlock[] | undefined;

interface Pending {
  readonly resolve: (blocks: Blocks) => void;
  readonly reject: (error: CitadelError) => void;
}

/** What a quorum must confirm is a stream: the proof comes behind the rows. */
export function isQuick(request: StreamRequest): request is GetRequest {
  if (request.kind !== 'kv-get' || request.read?.level === 'quorum') return false;
  let count = 0;
  for (const { keys } of request.parts) count += keys.ends.length;
  return count <= quickKeysMax;
}

export class QuickReads {
  readonly #send: (message: ToWorker, transfer: readonly ArrayBuffer[]) => void;
  readonly #timers: Pick<Timers, 'yieldNow'>;
  readonly #pending = new Map<number, Pending>();
  #packer = new BlockPacker();
  #nextId = 1;
  #dead: CitadelError | undefined;

  constructor(
    send: (message: ToWorker, transfer: readonly ArrayBuffer[]) => void,
    timers: Pick<Timers, 'yieldNow'>,
  ) {
    this.#send = send;
    this.#timers = timers;
  }

  /** `open`: the stream that large values are asked for as. @throws CitadelError `cancelled` and what the worker says */
  async *blocks(
    request: GetRequest,
    signal: AbortSignal,
    open: () => AsyncGenerator<StreamBlock>,
  ): AsyncGenerator<StreamBlock> {
    if (signal.aborted) throw new CitadelError('cancelled', 'the read was cancelled');
    const blocks = await this.#get(request);
    yield* blocks ?? open();
  }

  #get({ table, parts, read }: GetRequest): Promise<Blocks> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { resolve, reject });
      this.#packer.add({ id, table, parts, read });
      if (this.#packer.blockCount === 1) this.#plan();
      else if (this.#packer.blockCount === quickReadsMax) this.#flush();
    });
  }

  receive({ parcel, failures, largeIds }: Extract<FromWorker, { kind: 'kv-got' }>): void {
    for (const { id, blocks } of unpackBlocks<{ id: number; blocks: KvGetBlock[] }>(parcel)) {
      this.#take(id)?.resolve(blocks);
    }
    for (const id of largeIds) this.#take(id)?.resolve(undefined);
    for (const { id, failure } of failures) this.#take(id)?.reject(fromFailure(failure));
  }

  /** The thread is gone. */
  fail(error: CitadelError): void {
    this.#dead = error;
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }

  #plan(): void {
    const flush = () => this.#flush();
    this.#timers.yieldNow().then(flush, flush);
  }

  #flush(): void {
    if (this.#packer.blockCount === 0) return;
    const parcel = this.#packer.take();
    this.#send({ kind: 'kv-gets', parcel }, [parcel.buffer]);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}
