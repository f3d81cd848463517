/**
 * The newest acknowledged entries per shard that went through this broker: a replica that lacks one of
 * them is behind what this broker's clients have been told, and is not asked.
 *
 * Kept per origin, and only the origins used last: every restart of a replica makes a new one, and a
 * replica that serves reads has caught up with the older ones long before.
 */

import type { EntryMark } from '../../rpc/data-node-api.ts';

const originsMax = 4;

export class AckedMarks {
  readonly #shards = new Map<number, Map<string, number>>();

  note(shard: number, origin: string, sequence: number): void {
    let origins = this.#shards.get(shard);
    if (origins === undefined) {
      origins = new Map();
      this.#shards.set(shard, origins);
    }
    const known = origins.get(origin);
    if (known !== undefined) {
      if (sequence > known) origins.set(origin, sequence);
      return;
    }
    if (origins.size === originsMax) origins.delete(origins.keys().next().value!);
    origins.set(origin, sequence);
  }

  of(shards: readonly number[]): EntryMark[] {
    const marks: EntryMark[] = [];
    for (const shard of shards) {
      for (const [origin, sequence] of this.#shards.get(shard) ?? []) {
        marks.push({ shard, origin, sequence });
      }
    }
    return marks;
  }
}
