/**
 * Entries by shard, in their order, as frames of bounded size. The shard of a key is for ever: the top bits of
 * XXH32 over the table's name, length first, and the key (model/shard-hash.ts).
 */

import type { Timers } from '../../env/env.ts';
import { frameSizeMax } from '../../model/frame-layout.ts';
import { type ByteList, sizeOf, startOf } from '../../model/key-list.ts';
import { KvFrameBuilder } from '../../model/kv-frame.ts';
import { ShardHasher, shardOfHash } from '../../model/shard-hash.ts';
import type { KvBatch } from '../key-values.ts';

/** Keys that are looked at in one turn, some ms: other requests have theirs in between. */
export const keysPerTurn = 16_384;

/** Indices of the keys of each shard that has any, in their order. */
export async function groupByShard(
  timers: Pick<Timers, 'yieldNow'>,
  table: string,
  keys: ByteList,
  shardCount: number,
): Promise<ReadonlyMap<number, Uint32Array>> {
  const hasher = new ShardHasher(table);
  const count = keys.ends.length;
  const shards = new Uint32Array(count);
  const counts = new Uint32Array(shardCount);
  for (let i = 0; i < count; i++) {
    if (i > 0 && i % keysPerTurn === 0) await timers.yieldNow();
    const hash = hasher.hashAt(keys.bytes, startOf(keys, i), sizeOf(keys, i));
    const shard = shardOfHash(hash, shardCount);
    shards[i] = shard;
    counts[shard] = counts[shard]! + 1;
  }
  const groups = new Map<number, Uint32Array>();
  for (let shard = 0; shard < shardCount; shard++) {
    if (counts[shard]! > 0) groups.set(shard, new Uint32Array(counts[shard]!));
    counts[shard] = 0;
  }
  for (let i = 0; i < count; i++) {
    if (i > 0 && i % keysPerTurn === 0) await timers.yieldNow();
    const shard = shards[i]!;
    const at = counts[shard]!;
    groups.get(shard)![at] = i;
    counts[shard] = at + 1;
  }
  return groups;
}

export interface KvFramePart {
  readonly frame: Uint8Array;
  /** Entries of the batch that are in it. */
  readonly indices: Uint32Array;
}

/** Frames of one shard, to be sent one after the other: a key may be in more than one. */
export function* framesOf(
  batch: KvBatch,
  indices: Uint32Array,
  target: { readonly shard: number; readonly shardCount: number },
): Generator<KvFramePart> {
  const { keys, values, deleted, table } = batch;
  const builder = new KvFrameBuilder({ table, ...target }, roomFor(batch, indices));
  let first = 0;
  for (let at = 0; at < indices.length; at++) {
    const i = indices[at]!;
    if (!builder.hasRoomFor(sizeOf(keys, i), sizeOf(values, i))) {
      yield { frame: builder.finish(), indices: indices.subarray(first, at) };
      first = at;
    }
    builder.addFrom(keys, values, i, deleted[i] === 1);
  }
  if (builder.count > 0) yield { frame: builder.finish(), indices: indices.subarray(first) };
}

/** Bytes of the entries, or of the largest frame. */
function roomFor({ keys, values }: KvBatch, indices: Uint32Array): number {
  let size = 0;
  for (let at = 0; at < indices.length; at++) {
    const i = indices[at]!;
    size += sizeOf(keys, i) + sizeOf(values, i);
  }
  return Math.min(size, frameSizeMax);
}
