/** Puts many keys in transactions that a metadata store takes: bounded in operations and in text. */

import type { MetaOp } from './meta-store.ts';

const batchCountMax = 100;
/** Characters; etcd takes 1.5 MiB in a request. */
const batchTextMax = 256 * 1024;

export class PutBatches {
  readonly #change: (ops: readonly MetaOp[]) => Promise<void>;
  #batch: MetaOp[] = [];
  #text = 0;

  constructor(change: (ops: readonly MetaOp[]) => Promise<void>) {
    this.#change = change;
  }

  async put(key: string, value: string): Promise<void> {
    const isFull = this.#batch.length === batchCountMax || this.#text + value.length > batchTextMax;
    if (isFull) await this.finish();
    this.#batch.push({ kind: 'put', key, value });
    this.#text += key.length + value.length;
  }

  /** What is left. */
  async finish(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#text = 0;
    if (batch.length > 0) await this.#change(batch);
  }
}
