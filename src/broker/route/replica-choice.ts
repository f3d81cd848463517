/** Which replicas to ask, in which order. */

import type { Rng } from '../../env/env.ts';
import type { ClusterMap, ShardRecord } from '../../model/cluster.ts';

/** A few: Fisher and Yates. */
export function shuffle<T>(items: readonly T[], rng: Pick<Rng, 'next'>): T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(rng.next() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}

/** Members that may take a write or answer a read. */
export function membersOf({ replicas, leaving }: ShardRecord): readonly string[] {
  return leaving === undefined ? replicas : replicas.filter((node) => node !== leaving);
}

/** In random order, those with a live lease first: the others may serve all the same. */
export function readOrder(
  record: ShardRecord,
  { nodes }: ClusterMap,
  rng: Pick<Rng, 'next'>,
): string[] {
  const members = shuffle(membersOf(record), rng);
  return [
    ...members.filter((node) => nodes.has(node)),
    ...members.filter((node) => !nodes.has(node)),
  ];
}
