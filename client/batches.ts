/** Entries -> batches of bounded size. */

import { type ByteList, ByteListBuilder } from '../src/model/key-list.ts';
import { type Bytes, toBytes } from './bytes.ts';

export type Entry = readonly [key: Bytes, value: Bytes];

/** More gains nothing on the server; the bytes keep a message far below what it takes. */
export const batchEntriesMax = 5_000;
export const batchBytesMax = 4 * 1024 * 1024;

export interface Batch {
  readonly keys: ByteList;
  readonly values: ByteList;
}

export class BatchBuilder {
  readonly #keys = new ByteListBuilder(64 * 1024, 1024);
  readonly #values = new ByteListBuilder(256 * 1024, 1024);

  get count(): number {
    return this.#keys.count;
  }

  get bytes(): number {
    return this.#keys.size + this.#values.size;
  }

  add(key: Uint8Array, value: Uint8Array): void {
    this.#keys.add(key);
    this.#values.add(value);
  }

  take(): Batch {
    return { keys: this.#keys.take(), values: this.#values.take() };
  }
}

export function* batchesOf(entries: Iterable<Entry>): Generator<Batch> {
  const builder = new BatchBuilder();
  for (const [key, value] of entries) {
    const valueBytes = toBytes(value);
    const isFull = builder.count === batchEntriesMax;
    const overflows = builder.count > 0 && builder.bytes + valueBytes.length > batchBytesMax;
    if (isFull || overflows) yield builder.take();
    builder.add(toBytes(key), valueBytes);
  }
  if (builder.count > 0) yield builder.take();
}
