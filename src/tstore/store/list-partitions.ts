/** The stretches of time that a store has data of, for people to look at. */

import type { StorePartition } from '../contract.ts';
import type { MemtablePart } from '../memtable/memtable.ts';
import { type Bounds, boundsFor } from '../partition/partition-bounds.ts';
import type { StoreState } from './store-state.ts';

/** Newest frames of a policy that are looked at, some 5 ms of work. */
const framesMax = 20_000;

function covers({ start, end }: Bounds, time: bigint): boolean {
  return start <= time && time < end;
}

/** Of rows in memory: where the first and the last time of each frame would go in a flush. */
function memoryBounds(part: MemtablePart, durationNs: bigint, files: readonly Bounds[]): Bounds[] {
  const found: Bounds[] = [];
  let last: Bounds | undefined;
  const add = (time: bigint) => {
    if (last !== undefined && covers(last, time)) return;
    last = found.find((bounds) => covers(bounds, time));
    if (last !== undefined) return;
    last = files.find((bounds) => covers(bounds, time)) ?? boundsFor(time, durationNs, files);
    found.push(last);
  };
  const { frames, minTime, maxTime } = part;
  if (frames.length === 0) return found;
  add(minTime);
  add(maxTime);
  // Most often all of it goes into one file.
  if (found.length === 1) return found;
  for (let i = Math.max(0, frames.length - framesMax); i < frames.length; i++) {
    const { header } = frames[i]!.points;
    add(header.minTime);
    add(header.maxTime);
  }
  return found;
}

export function listPartitions(state: StoreState): StorePartition[] {
  const found = new Map<string, StorePartition>();
  const add = (dbId: string, rpId: string, { start, end }: Bounds) => {
    found.set(`${dbId}/${rpId}/${start}`, { dbId, rpId, start, end });
  };
  for (const { dbId, rpId, files } of state.partitions.values()) {
    for (const { bounds } of files) add(dbId, rpId, bounds);
  }
  for (const memtable of state.memtables) {
    for (const [key, part] of memtable.parts) {
      const { dbId, rpId } = part;
      const files = (state.partitions.get(key)?.files ?? []).map(({ bounds }) => bounds);
      const durationNs = state.partitionDuration(dbId, rpId);
      for (const bounds of memoryBounds(part, durationNs, files)) add(dbId, rpId, bounds);
    }
  }
  return [...found.values()];
}
