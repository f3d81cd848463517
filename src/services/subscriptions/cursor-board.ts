/**
 * Where one feed is on each shard that it reads, what of that is durable, and how much is behind it. Of a shard
 * that it reads no more the cursor stays until it is saved: another node goes on from there.
 */

import type { EntryVersions, TailPart } from '../../model/log-tail.ts';

interface ShardCursor {
  /** Undefined = the feed begins. */
  after: EntryVersions | undefined;
  /** The last `after` that was saved, or was found. */
  saved: EntryVersions | undefined;
  lagEntries: number;
  lagBytes: number;
  isLeft: boolean;
  /** Everything that was in the log when the feed began is behind it. */
  isPast: boolean;
}

function countEntries(from: EntryVersions, to: EntryVersions): number {
  let count = 0;
  for (const [origin, sequence] of Object.entries(to)) count += sequence - (from[origin] ?? 0);
  return count;
}

export class CursorBoard {
  readonly #cursors = new Map<number, ShardCursor>();

  get shards(): number[] {
    return [...this.#cursors.keys()].filter((shard) => this.has(shard));
  }

  has(shard: number): boolean {
    return this.#cursors.get(shard)?.isLeft === false;
  }

  add(shard: number, saved: EntryVersions | undefined): void {
    const lag = { lagEntries: 0, lagBytes: 0 };
    const isPast = saved !== undefined;
    this.#cursors.set(shard, { after: saved, saved, ...lag, isLeft: false, isPast });
  }

  leave(shard: number): void {
    const cursor = this.#cursors.get(shard);
    if (cursor === undefined) return;
    if (cursor.after === cursor.saved) this.#cursors.delete(shard);
    Object.assign(cursor, { lagEntries: 0, lagBytes: 0, isLeft: true });
  }

  after(shard: number): EntryVersions | undefined {
    return this.#cursors.get(shard)?.after;
  }

  /** From here on time is asked no more: a clock that was set back must not hide points. */
  isPast(shard: number): boolean {
    return this.#cursors.get(shard)?.isPast === true;
  }

  /** Read, and not yet delivered: what is gone for ever is behind the feed in any case. */
  noteRead({ shard, start, through, frames, lagEntries, lagBytes }: TailPart): void {
    const cursor = this.#cursors.get(shard);
    if (cursor === undefined || cursor.isLeft) return;
    cursor.after = start;
    cursor.lagEntries = lagEntries + countEntries(start, through);
    cursor.lagBytes = lagBytes + frames.reduce((sum, { length }) => sum + length, 0);
  }

  noteDelivered({ shard, through, isAtEnd, lagEntries, lagBytes }: TailPart): void {
    const cursor = this.#cursors.get(shard);
    if (cursor === undefined || cursor.isLeft) return;
    cursor.after = through;
    cursor.isPast ||= isAtEnd;
    cursor.lagEntries = lagEntries;
    cursor.lagBytes = lagBytes;
  }

  /** Cursors that are not durable as they are, at most so many. */
  unsaved(countMax: number): { shard: number; versions: EntryVersions }[] {
    const found: { shard: number; versions: EntryVersions }[] = [];
    for (const [shard, { after, saved }] of this.#cursors) {
      if (found.length === countMax) break;
      if (after !== undefined && after !== saved) found.push({ shard, versions: after });
    }
    return found;
  }

  noteSaved(shard: number, versions: EntryVersions): void {
    const cursor = this.#cursors.get(shard);
    if (cursor !== undefined) cursor.saved = versions;
    if (cursor?.isLeft === true) this.#cursors.delete(shard);
  }

  get lag(): { readonly entries: number; readonly bytes: number } {
    let entries = 0;
    let bytes = 0;
    for (const cursor of this.#cursors.values()) {
      entries += cursor.lagEntries;
      bytes += cursor.lagBytes;
    }
    return { entries, bytes };
  }
}
