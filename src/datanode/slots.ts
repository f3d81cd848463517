/**
 * Shards of all kinds in one row of numbers, so that messages between threads, the log and the replicas on a
 * worker need no kind beside the number: shards of time series come as they are, those of keys far above.
 *
 * On the wire and in the map a shard has its kind and its own number; the main thread turns one into the other.
 */

import type { ShardRecord, StoreKind } from '../model/cluster.ts';

/** A multiple of any count of logs (1 or 2), so that `slot % logCount` is `shard % logCount`; written into the log. */
const kvSlotFirst = 2 ** 20;

export function slotOf(kind: StoreKind, shard: number): number {
  return kind === 'tstore' ? shard : kvSlotFirst + shard;
}

export function kindOfSlot(slot: number): StoreKind {
  return slot < kvSlotFirst ? 'tstore' : 'kstore';
}

export function shardOfSlot(slot: number): number {
  return slot < kvSlotFirst ? slot : slot - kvSlotFirst;
}

export function toSlotRecord(kind: StoreKind, record: ShardRecord): ShardRecord {
  return kind === 'tstore' ? record : { ...record, shard: slotOf(kind, record.shard) };
}

export function fromSlotRecord(record: ShardRecord): ShardRecord {
  return { ...record, shard: shardOfSlot(record.shard) };
}
