/**
 * Keys of all shards in one order: the streams of the nodes, each in order, merged. Pulled block by block, so
 * that a list of any length needs a block per stream.
 */

import { compareBytes } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import { type ByteList, ByteListBuilder, itemOf } from '../../model/key-list.ts';
import { checkTableName } from '../../model/kv-limits.ts';
import type { KvScanBlock } from '../../rpc/data-node-api.ts';
import type { KvListRequest, KvRowsBlock } from '../key-values.ts';
import type { BrokerParts } from '../parts.ts';
import { type Filter, ReadRoute } from '../route/read-route.ts';
import { type KeyRange, keyAfter, narrow } from './kv-range.ts';
import { readsOf } from './node-reads.ts';
import { tableNotFound } from './read-keys.ts';

const blockBytes = 256 * 1024;
const blockRowsMax = 4096;

/** A stream that broke goes on behind the last key that it delivered. */
class ResumeKeys implements Filter<KvScanBlock> {
  #last: Uint8Array | undefined;
  #isFirst = true;

  restart(): void {
    this.#isFirst = true;
  }

  take(block: KvScanBlock): KvScanBlock | undefined {
    const count = block.keys.ends.length;
    const last = this.#last;
    if (count === 0) return block;
    const start = this.#isFirst && last !== undefined ? firstAfter(block.keys, last) : 0;
    if (start === count) return undefined;
    this.#isFirst = false;
    this.#last = itemOf(block.keys, count - 1).slice();
    return start === 0 ? block : { ...block, ...cut(block, start, count) };
  }
}

function firstAfter(keys: ByteList, last: Uint8Array): number {
  let i = 0;
  while (i < keys.ends.length && compareBytes(itemOf(keys, i), last) <= 0) i++;
  return i;
}

function cut({ keys, values }: KvRowsBlock, from: number, until: number): KvRowsBlock {
  const some = (list: ByteList) => {
    const builder = new ByteListBuilder(1024, until - from);
    for (let i = from; i < until; i++) builder.add(itemOf(list, i));
    return builder.take();
  };
  return { keys: some(keys), values: some(values) };
}

/** One stream at its current row. */
class Lane {
  block: KvScanBlock | undefined;
  at = 0;
  readonly #rows: AsyncIterator<KvScanBlock>;

  constructor(stream: AsyncIterable<KvScanBlock>) {
    this.#rows = stream[Symbol.asyncIterator]();
  }

  /** Steps to the next block that has rows; returns whether the table is known there. */
  async load(): Promise<boolean> {
    let hasTable = false;
    for (;;) {
      const next = await this.#rows.next();
      this.block = next.done === true ? undefined : next.value;
      this.at = 0;
      hasTable ||= this.block?.hasTable === true;
      if (this.block === undefined || this.block.keys.ends.length > 0) return hasTable;
    }
  }

  get key(): Uint8Array {
    return itemOf(this.block!.keys, this.at);
  }

  async close(): Promise<void> {
    await this.#rows.return?.();
  }
}

class MergedLanes {
  #lanes: Lane[];
  #left: number;
  readonly #keys = new ByteListBuilder(64 * 1024, 1024);
  readonly #values = new ByteListBuilder(blockBytes, 1024);

  constructor(lanes: readonly Lane[], limit: number) {
    this.#lanes = [...lanes];
    this.#left = limit;
  }

  async *rows(signal: AbortSignal): AsyncGenerator<KvRowsBlock> {
    try {
      this.#lanes = this.#lanes.filter(({ block }) => block !== undefined);
      while (this.#left > 0 && this.#lanes.length > 0) {
        signal.throwIfAborted();
        if (this.#lanes.length === 1) {
          yield* this.#rest();
          break;
        }
        await this.#step();
        const isFull =
          this.#keys.size + this.#values.size >= blockBytes || this.#keys.count >= blockRowsMax;
        if (isFull) yield this.#take();
      }
      if (this.#keys.count > 0) yield this.#take();
    } finally {
      await Promise.all(this.#lanes.map((lane) => lane.close().catch(() => undefined)));
    }
  }

  #take(): KvRowsBlock {
    return { keys: this.#keys.take(), values: this.#values.take() };
  }

  /** Rows of the lane with the least key, up to the next lane's or the end of its block. */
  async #step(): Promise<void> {
    const [least, next] = this.#twoLeast();
    const { keys, values } = least.block!;
    const count = keys.ends.length;
    const bound = next.key;
    do {
      this.#keys.add(itemOf(keys, least.at));
      this.#values.add(itemOf(values, least.at));
      least.at++;
      this.#left--;
    } while (
      this.#left > 0 &&
      least.at < count &&
      this.#keys.count < blockRowsMax &&
      compareBytes(least.key, bound) < 0
    );
    if (least.at < count) return;
    await least.load();
    if (least.block === undefined) this.#lanes = this.#lanes.filter((lane) => lane !== least);
  }

  #twoLeast(): [Lane, Lane] {
    let least = this.#lanes[0]!;
    let next = this.#lanes[1]!;
    if (compareBytes(next.key, least.key) < 0) [least, next] = [next, least];
    for (const lane of this.#lanes.slice(2)) {
      if (compareBytes(lane.key, least.key) < 0) [least, next] = [lane, least];
      else if (compareBytes(lane.key, next.key) < 0) next = lane;
    }
    return [least, next];
  }

  /** The last lane's blocks pass as they are. */
  async *#rest(): AsyncGenerator<KvRowsBlock> {
    if (this.#keys.count > 0) yield this.#take();
    const [lane] = this.#lanes;
    while (this.#left > 0 && lane?.block !== undefined) {
      const { block, at } = lane;
      const count = block.keys.ends.length;
      const until = Math.min(count, at + this.#left);
      this.#left -= until - at;
      yield at === 0 && until === count ? block : cut(block, at, until);
      if (this.#left > 0) await lane.load();
    }
  }
}

async function* nothing(): AsyncGenerator<KvRowsBlock> {
  yield* [];
}

function rangeOf({ from, until, prefix }: KvListRequest): KeyRange | undefined {
  const range = narrow({ from, until }, prefix);
  if (until !== undefined && compareBytes(from, until) > 0) {
    throw new CitadelError('invalid-argument', 'the end of the range is before its start');
  }
  return range;
}

export async function listKeys(
  parts: BrokerParts,
  request: KvListRequest,
): Promise<AsyncGenerator<KvRowsBlock>> {
  const { table, limit, level, signal } = request;
  checkTableName(table);
  // An empty range still tells whether the table is known.
  const range = rangeOf(request) ?? { from: keyAfter(request.from), until: request.from };
  const route = new ReadRoute(parts.route, level);
  const streams = route.streams<KvScanBlock>(
    (node, shards, options, stop) =>
      readsOf(route, node).scan(shards, { table, ...range }, stop, options),
    () => new ResumeKeys(),
    signal,
  );
  const lanes = streams.map((stream) => new Lane(stream));
  try {
    const known = await Promise.all(lanes.map((lane) => lane.load()));
    if (!known.some((one) => one)) throw tableNotFound(table);
  } catch (error) {
    await Promise.all(lanes.map((lane) => lane.close().catch(() => undefined)));
    throw error;
  }
  return limit === 0 ? nothing() : new MergedLanes(lanes, limit).rows(signal);
}
