/**
 * Keys of all shards in one order: the streams of the nodes, each in order, merged. Pulled block by block, so
 * that a list of any length needs a block per stream.
 */

import { compareBytes, compareParts } from '../../base/bytes.ts';
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

/** Of an answer's block: rendered as JSON it takes the thread some ms, and must not take it much longer. */
const blockBytes = 512 * 1024;
const blockRowsMax = 8192;

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
    builder.addItems(list, from, until);
    return builder.take();
  };
  return { keys: some(keys), values: some(values) };
}

/** One stream at its current row. */
class Lane {
  block: KvScanBlock | undefined;
  /** Number of the row in the block, and where its key lies. */
  at = 0;
  keyFrom = 0;
  keySize = 0;
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
      hasTable ||= this.block?.hasTable === true;
      if (this.block === undefined || this.block.keys.ends.length > 0) break;
    }
    this.at = 0;
    this.keyFrom = 0;
    this.keySize = this.block?.keys.ends[0] ?? 0;
    return hasTable;
  }

  /** Steps to the next row; false = that was the last of the block. */
  step(): boolean {
    const { ends } = this.block!.keys;
    this.at++;
    this.keyFrom += this.keySize;
    if (this.at === ends.length) return false;
    this.keySize = ends[this.at]! - this.keyFrom;
    return true;
  }

  async close(): Promise<void> {
    await this.#rows.return?.();
  }
}

function compareLanes(a: Lane, b: Lane): number {
  const [one, other] = [a.block!.keys.bytes, b.block!.keys.bytes];
  return compareParts(one, a.keyFrom, a.keySize, other, b.keyFrom, b.keySize);
}

class MergedLanes {
  #lanes: Lane[];
  #left: number;
  readonly #keys = new ByteListBuilder(64 * 1024, 1024);
  readonly #values = new ByteListBuilder(256 * 1024, 1024);

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
        const emptied = this.#step();
        if (emptied !== undefined) await this.#reload(emptied);
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

  /** Rows of the lane with the least key, up to the next lane's; returns the lane when its block has ended. */
  #step(): Lane | undefined {
    const [least, next] = this.#twoLeast();
    const { keys, values } = least.block!;
    const from = least.at;
    const until = from + Math.min(this.#left, blockRowsMax);
    let hasMore = least.step();
    while (hasMore && least.at < until && compareLanes(least, next) < 0) hasMore = least.step();
    this.#keys.addItems(keys, from, least.at);
    this.#values.addItems(values, from, least.at);
    this.#left -= least.at - from;
    return hasMore ? undefined : least;
  }

  async #reload(lane: Lane): Promise<void> {
    await lane.load();
    if (lane.block === undefined) this.#lanes = this.#lanes.filter((one) => one !== lane);
  }

  #twoLeast(): [Lane, Lane] {
    let least = this.#lanes[0]!;
    let next = this.#lanes[1]!;
    if (compareLanes(next, least) < 0) [least, next] = [next, least];
    for (let i = 2; i < this.#lanes.length; i++) {
      const lane = this.#lanes[i]!;
      if (compareLanes(lane, least) < 0) [least, next] = [lane, least];
      else if (compareLanes(lane, next) < 0) next = lane;
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
