/** The stretches of time that a store has data of, for people to look at. */

import type { StorePartition } from '../contract.ts';
import type { Memtable } from '../memtable/memtable.ts';
import { boundsFor } from '../partition/partition-bounds.ts';
import type { StoreState } from './store-state.ts';

/** Of rows in memory: the stretches of the first and the last, as a flush would cut them. */
function* partitionsOf(state: StoreState, memtable: Memtable): Generator<StorePartition> {
  for (const [key, { minTime, maxTime }] of memtable.parts) {
    if (minTime > maxTime) continue;
    const [dbId = '', rpId = ''] = key.split('/');
    const durationNs = state.partitionDuration(dbId, rpId);
    const existing = (state.partitions.get(key)?.files ?? []).map(({ bounds }) => bounds);
    for (const time of [minTime, maxTime]) {
      const covering = existing.find(({ start, end }) => start <= time && time < end);
      yield { dbId, rpId, ...(covering ?? boundsFor(time, durationNs, existing)) };
    }
  }
}

export function listPartitions(state: StoreState): StorePartition[] {
  const found = new Map<string, StorePartition>();
  const add = (partition: StorePartition) => {
    found.set(`${partition.dbId}/${partition.rpId}/${partition.start}`, partition);
  };
  for (const { dbId, rpId, files } of state.partitions.values()) {
    for (const { bounds } of files) add({ dbId, rpId, ...bounds });
  }
  for (const memtable of state.memtables) {
    for (const partition of partitionsOf(state, memtable)) add(partition);
  }
  return [...found.values()];
}
