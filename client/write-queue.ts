/**
 * Single puts and deletes, gathered: what is asked while a batch is under way goes in the next one. One batch at a time
 * keeps the order of what is asked of a key.
 */

import { CitadelError } from '../src/base/errors.ts';
import type { ByteList } from '../src/model/key-list.ts';
import { BatchBuilder, batchBytesMax, batchEntriesMax } from './batches.ts';
import type { Receipt } from './options.ts';

const waitingMax = 100_000;
const waitingBytesMax = 128 * 1024 * 1024;
const noBytes = new Uint8Array(0);

interface Waiting {
  readonly key: Uint8Array;
  /** Undefined = delete. */
  readonly value: Uint8Array | undefined;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

type Send = (keys: ByteList, values: ByteList | undefined) => Promise<Receipt>;

export class WriteQueue {
  readonly #send: Send;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isRunning = false;

  constructor(send: Send) {
    this.#send = send;
  }

  add(key: Uint8Array, value: Uint8Array | undefined): Promise<Receipt> {
    const size = key.length + (value?.length ?? 0);
    const isFull = this.#waiting.length >= waitingMax;
    if (isFull || (this.#waitingBytes > 0 && this.#waitingBytes + size > waitingBytesMax)) {
      return Promise.reject(
        new CitadelError('overloaded', 'too many writes wait for an answer: await some of them'),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, value, resolve, reject });
      this.#waitingBytes += size;
      if (!this.#isRunning) this.#start();
    });
  }

  #start(): void {
    this.#isRunning = true;
    // What is asked in this turn goes together.
    queueMicrotask(() => void this.#run());
  }

  /** Never rejects: each failure goes to those it is of. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        const receipt = await this.#sendBatch(batch);
        for (const { resolve } of batch) resolve(receipt);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isRunning = false;
  }

  /** The first ones that are all puts or all deletes. */
  #takeBatch(): Waiting[] {
    const isDelete = this.#waiting[0]!.value === undefined;
    let count = 0;
    let bytes = 0;
    for (const { key, value } of this.#waiting) {
      const size = key.length + (value?.length ?? 0);
      const isFull = count === batchEntriesMax || (count > 0 && bytes + size > batchBytesMax);
      if (isFull || (value === undefined) !== isDelete) break;
      count++;
      bytes += size;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  #sendBatch(batch: readonly Waiting[]): Promise<Receipt> {
    const builder = new BatchBuilder();
    for (const { key, value } of batch) builder.add(key, value ?? noBytes);
    const { keys, values } = builder.take();
    return this.#send(keys, batch[0]!.value === undefined ? undefined : values);
  }
}
