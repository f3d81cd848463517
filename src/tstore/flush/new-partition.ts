/** Makes the partition file, not yet on disk, that takes rows of a time. */

import type { Bounds } from '../partition/partition-bounds.ts';
import { boundsFor } from '../partition/partition-bounds.ts';
import { PartitionFile } from '../partition/partition-file.ts';
import { partitionFormat } from '../partition/partition-schema.ts';
import type { PartitionSet } from '../partition/partition-set.ts';
import { emptyDigest } from '../partition/row-digest.ts';
import type { StoreState } from '../store/store-state.ts';

/** Numbers of files given so far in this flush or step. */
export class FileNumbers {
  private next: number;

  constructor(state: StoreState) {
    this.next = state.catalog.meta.fileIdNext;
    for (const file of state.files()) this.next = Math.max(this.next, file.meta.fileId + 1);
  }

  take(): number {
    return this.next++;
  }
}

/** `shard/namespace/database/policy/start-end-number.db`; the number keeps paths from ever being used twice. */
function pathOf(state: StoreState, set: PartitionSet, bounds: Bounds, fileId: number): string {
  const { directory } = state.options;
  return `${directory}/0/${set.dbId}/${set.rpId}/${bounds.start}-${bounds.end}-${fileId}.db`;
}

export function makePartition(
  state: StoreState,
  set: PartitionSet,
  bounds: Bounds,
  fileId: number,
): PartitionFile {
  const { shard, shardCount } = state.options;
  const file = new PartitionFile(
    pathOf(state, set, bounds, fileId),
    {
      magic: partitionFormat.magic,
      version: partitionFormat.version,
      flags: 0,
      shard,
      shardCount,
      namespace: 0,
      dbId: set.dbId,
      rpId: set.rpId,
      fileId,
      start: bounds.start.toString(),
      end: bounds.end.toString(),
      lsn: 0,
      generation: 0,
      rowNoNext: 1,
      rows: emptyDigest,
      fields: emptyDigest,
      garbage: emptyDigest,
    },
    false,
  );
  set.add(file);
  return file;
}

/** The file for rows of `time`, made when there is none. */
export function partitionFor(
  state: StoreState,
  set: PartitionSet,
  time: bigint,
  numbers: FileNumbers,
): PartitionFile {
  const found = set.writable(time);
  if (found !== undefined) return found;
  const damaged = set.files.find(({ bounds }) => bounds.start <= time && time < bounds.end);
  const others = set.files.map((file) => file.bounds);
  const bounds =
    damaged?.bounds ?? boundsFor(time, state.partitionDuration(set.dbId, set.rpId), others);
  return makePartition(state, set, bounds, numbers.take());
}
