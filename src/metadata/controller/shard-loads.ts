/**
 * How much of the work each shard of a kind is: pure. A shard's load is its share of the bytes that are held, and of the
 * bytes that are written, of all shards; the shares of all shards sum to 1. All copies of a shard take the same.
 */

import type { ShardRecord } from '../../model/cluster.ts';

/** Of one copy; of a shard it is that of the copy with the most. */
export interface CopyLoad {
  /** In files and in memory. */
  readonly heldBytes: number;
  /** Of frames, smoothed over a minute. */
  readonly writtenBytesPerSecond: number;
}

/** Less than this of a whole kind is not worth a move that nobody asked for. */
export interface LoadFloors {
  readonly heldBytesMin: number;
  readonly writtenBytesPerSecondMin: number;
}

/** By shard. */
export type ShardLoads = ReadonlyMap<number, number>;

export function joinLoads(a: CopyLoad | undefined, b: CopyLoad): CopyLoad {
  if (a === undefined) return b;
  return {
    heldBytes: Math.max(a.heldBytes, b.heldBytes),
    writtenBytesPerSecond: Math.max(a.writtenBytesPerSecond, b.writtenBytesPerSecond),
  };
}

/** Undefined: of some shard nothing is known, or there is too little of everything to tell. */
export function weighShards(
  records: readonly ShardRecord[],
  loadOf: (shard: number) => CopyLoad | undefined,
  { heldBytesMin, writtenBytesPerSecondMin }: LoadFloors,
): ShardLoads | undefined {
  const known: { readonly shard: number; readonly load: CopyLoad }[] = [];
  let held = 0;
  let written = 0;
  for (const { shard } of records) {
    const load = loadOf(shard);
    if (load === undefined) return undefined;
    known.push({ shard, load });
    held += load.heldBytes;
    written += load.writtenBytesPerSecond;
  }
  const heldUnit = held > 0 && held >= heldBytesMin ? 1 / held : 0;
  const writtenUnit = written > 0 && written >= writtenBytesPerSecondMin ? 1 / written : 0;
  const parts = Math.sign(heldUnit) + Math.sign(writtenUnit);
  if (parts === 0) return undefined;
  return new Map(
    known.map(({ shard, load: { heldBytes, writtenBytesPerSecond } }) => [
      shard,
      (heldBytes * heldUnit + writtenBytesPerSecond * writtenUnit) / parts,
    ]),
  );
}
