/** Values of many keys: one call per node, each shard's keys together; the answers put back in order. */

import { CitadelError } from '../../base/errors.ts';
import { type ByteList, ByteListBuilder, itemOf, sizeOf, startOf } from '../../model/key-list.ts';
import { checkTableName, describeBadPair } from '../../model/kv-limits.ts';
import type { KvGetBlock, KvKeys, ReadLevel } from '../../rpc/data-node-api.ts';
import { type KvAnswer, kvBatchEntriesMax } from '../key-values.ts';
import type { BrokerParts } from '../parts.ts';
import { type Filter, ReadRoute } from '../route/read-route.ts';
import { shardsOf } from '../route/route-parts.ts';
import { readsOf } from './node-reads.ts';
import { groupByShard, keysPerTurn } from './split-batch.ts';

/** Values of one answer: whoever wants more asks for fewer keys at a time. */
const answerBytesMax = 256 * 1024 * 1024;
const nothing = new Uint8Array(0);

/** @throws CitadelError `invalid-argument`, `too-large` */
function checkKeys(table: string, keys: ByteList): void {
  checkTableName(table);
  const count = keys.ends.length;
  if (count > kvBatchEntriesMax) {
    throw new CitadelError('too-large', `${count} keys, at most ${kvBatchEntriesMax}`);
  }
  for (let i = 0; i < count; i++) {
    const bad = describeBadPair(sizeOf(keys, i), 0);
    if (bad !== undefined) throw new CitadelError('invalid-argument', `entry ${i}: ${bad}`);
  }
}

function subset(keys: ByteList, indices: Uint32Array): ByteList {
  const builder = new ByteListBuilder(indices.length * 16, indices.length);
  for (let at = 0; at < indices.length; at++) {
    const i = indices[at]!;
    builder.add(keys.bytes, startOf(keys, i), sizeOf(keys, i));
  }
  return builder.take();
}

/** A leg that starts anew answers all its keys again: the same places get the same or newer values. */
const everything: Filter<KvGetBlock> = { restart: () => undefined, take: (block) => block };

class Answer implements KvAnswer {
  hasTable = false;
  readonly #blocks: ByteList[] = [];
  /** Per key: its block + 1, 0 = not answered; and its place there, -1 = absent. */
  readonly #blockOf: Uint32Array;
  readonly #placeOf: Int32Array;
  #bytes = 0;

  constructor(count: number) {
    this.#blockOf = new Uint32Array(count);
    this.#placeOf = new Int32Array(count);
  }

  add({ start, present, values, hasTable }: KvGetBlock, indices: Uint32Array): void {
    this.hasTable ||= hasTable;
    this.#bytes += values.bytes.length;
    if (this.#bytes > answerBytesMax) {
      throw new CitadelError(
        'limit-exceeded',
        `the values are larger than ${answerBytesMax} bytes: ask for fewer keys at a time`,
      );
    }
    const block = this.#blocks.push(values);
    for (let place = 0; place < present.length; place++) {
      const i = indices[start + place]!;
      this.#blockOf[i] = block;
      this.#placeOf[i] = present[place] === 1 ? place : -1;
    }
  }

  /** A replica that leaves keys out has not answered: that is no absence. */
  check(): void {
    const missing = this.#blockOf.indexOf(0);
    if (missing < 0) return;
    throw new CitadelError('unavailable', `no replica answered for entry ${missing}`);
  }

  value(i: number): Uint8Array | undefined {
    const place = this.#placeOf[i]!;
    return place < 0 ? undefined : itemOf(this.#blocks[this.#blockOf[i]! - 1]!, place);
  }

  appendTo(builder: ByteListBuilder, i: number): boolean {
    const place = this.#placeOf[i]!;
    if (place < 0) {
      builder.add(nothing);
      return false;
    }
    const block = this.#blocks[this.#blockOf[i]! - 1]!;
    builder.add(block.bytes, startOf(block, place), sizeOf(block, place));
    return true;
  }
}

/** `hasTable`: whether anything was ever written to the table in the shards of these keys. */
export async function getValues(
  parts: BrokerParts,
  table: string,
  keys: ByteList,
  level: ReadLevel,
  signal: AbortSignal,
): Promise<KvAnswer & { readonly hasTable: boolean }> {
  checkKeys(table, keys);
  const { timers } = parts.env;
  const groups = await groupByShard(timers, table, keys, shardsOf(parts.route).length);
  const asked = new Map<number, KvKeys>();
  for (const [shard, indices] of groups) {
    if (keys.ends.length > keysPerTurn) await timers.yieldNow();
    asked.set(shard, { shard, keys: subset(keys, indices) });
  }
  const route = new ReadRoute(parts.route, level);
  const streams = route.streams<KvGetBlock>(
    (node, shards, options, stop) => {
      const wanted = shards.flatMap((shard) => asked.get(shard) ?? []);
      return readsOf(route, node).get(table, wanted, stop, options);
    },
    () => everything,
    signal,
    new Set(groups.keys()),
  );
  const answer = new Answer(keys.ends.length);
  const drain = async (stream: AsyncIterable<KvGetBlock>): Promise<void> => {
    for await (const block of stream) answer.add(block, groups.get(block.shard)!);
  };
  await Promise.all(streams.map(drain));
  answer.check();
  return answer;
}

export function tableNotFound(table: string): CitadelError {
  return new CitadelError('not-found', `table not found: ${JSON.stringify(table)}`);
}
