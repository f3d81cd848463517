/**
 * Puts and deletes in bulk: batches are sent as they fill, several under way at once, and whoever writes faster than the
 * cluster takes is held back. The order of two entries of one key is kept only by `flush` between them.
 */

import type { ByteList } from '../src/model/key-list.ts';
import { BatchBuilder, batchBytesMax } from './batches.ts';
import { type Bytes, toBytes } from './bytes.ts';
import type { Consistency } from './options.ts';

export interface BulkOptions {
  readonly consistency?: Consistency;
  /** Entries of a batch; default 1,000. */
  readonly batchEntries?: number;
  /** Batches under way; default 4. */
  readonly concurrency?: number;
}

const batchEntriesDefault = 1_000;
const concurrencyDefault = 4;
const noBytes = new Uint8Array(0);

type Send = (keys: ByteList, values: ByteList | undefined) => Promise<unknown>;

export class BulkWriter {
  readonly #send: Send;
  readonly #batchEntries: number;
  readonly #concurrency: number;
  readonly #puts = new BatchBuilder();
  readonly #deletes = new BatchBuilder();
  readonly #underWay = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(send: Send, options: BulkOptions) {
    this.#send = send;
    this.#batchEntries = Math.max(1, options.batchEntries ?? batchEntriesDefault);
    this.#concurrency = Math.max(1, options.concurrency ?? concurrencyDefault);
  }

  /** Undefined when there is nothing to wait for. @throws CitadelError of an earlier batch */
  put(key: Bytes, value: Bytes): Promise<void> | undefined {
    this.#puts.add(toBytes(key), toBytes(value));
    const isFull = this.#puts.count >= this.#batchEntries || this.#puts.bytes >= batchBytesMax;
    return isFull ? this.#sendPuts() : undefined;
  }

  /** As `put`. */
  delete(key: Bytes): Promise<void> | undefined {
    this.#deletes.add(toBytes(key), noBytes);
    return this.#deletes.count >= this.#batchEntries ? this.#sendDeletes() : undefined;
  }

  /** Resolves when everything is stored. @throws CitadelError */
  async flush(): Promise<void> {
    if (this.#puts.count > 0) await this.#sendPuts();
    if (this.#deletes.count > 0) await this.#sendDeletes();
    await Promise.all(this.#underWay);
    this.#check();
  }

  async #sendPuts(): Promise<void> {
    const { keys, values } = this.#puts.take();
    await this.#start(keys, values);
  }

  async #sendDeletes(): Promise<void> {
    await this.#start(this.#deletes.take().keys, undefined);
  }

  async #start(keys: ByteList, values: ByteList | undefined): Promise<void> {
    this.#check();
    while (this.#underWay.size >= this.#concurrency) await Promise.race(this.#underWay);
    this.#check();
    const sent = this.#send(keys, values)
      .then(
        () => undefined,
        (error: unknown) => {
          this.#failure ??= { error };
        },
      )
      .finally(() => this.#underWay.delete(sent));
    this.#underWay.add(sent);
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
