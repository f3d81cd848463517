/**
 * The durable cursors of subscriptions: a local copy kept current by a watch, and how they are moved on.
 *
 * A cursor is only ever raised: what is saved is joined with what is stored, guarded by that being what is known
 * here. So two feeds of one tail (a primary that was replaced and does not know it) do not set each other back.
 */

import type { Log, TimerHandle, Timers } from '../env/env.ts';
import type { EntryVersions, TailPosition } from '../model/log-tail.ts';
import { cursorsPrefix, subscriptionKey } from './meta-keys.ts';
import {
  isUnchanged,
  type MetaChange,
  type MetaRecord,
  type MetaStore,
  type MetaWatch,
} from './meta-store.ts';
import {
  cursorKey,
  readCursor,
  renderCursor,
  type SubscriptionTail,
} from './subscription-tails.ts';

/** Cursors in one transaction: each is compared and put, and a transaction has at most 128 of either. */
export const cursorsPerSave = 60;
const reloadMs = 1_000;

interface Known {
  readonly record: MetaRecord;
  readonly position: TailPosition;
}

export interface CursorParts {
  readonly store: Pick<MetaStore, 'range' | 'watch' | 'transaction'>;
  readonly env: { readonly timers: Pick<Timers, 'after'>; readonly log: Log };
  /** The copy has changed: these cursors were saved, here or elsewhere. */
  readonly onMoved: (positions: readonly TailPosition[]) => void;
}

function join(a: EntryVersions, b: EntryVersions): EntryVersions {
  const joined: Record<string, number> = { ...a };
  for (const [origin, sequence] of Object.entries(b)) {
    joined[origin] = Math.max(joined[origin] ?? 0, sequence);
  }
  return joined;
}

export class SubscriptionCursors {
  readonly #parts: CursorParts;
  readonly #known = new Map<string, Known>();
  #watch: MetaWatch | undefined;
  #retry: TimerHandle | undefined;
  #isLoaded = false;
  #closed = false;

  constructor(parts: CursorParts) {
    this.#parts = parts;
    this.#load();
  }

  /** False: the store was not reached yet. `onMoved` is called when it is. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Undefined = there is none. */
  find(tail: string, shard: number): EntryVersions | undefined {
    return this.#known.get(cursorKey(tail, shard))?.position.versions;
  }

  /**
   * Raises cursors of tails of one subscription, at most `cursorsPerSave`. False: nothing was changed, for the
   * subscription is gone or a cursor is not what was known.
   *
   * @throws CitadelError `unavailable`
   */
  async save({ subscription }: SubscriptionTail, moved: readonly TailPosition[]): Promise<boolean> {
    const { dbId, rpId, name } = subscription;
    const puts = moved.map(({ tail, shard, versions }) => {
      const key = cursorKey(tail, shard);
      const known = this.#known.get(key);
      const value = renderCursor(join(known?.position.versions ?? {}, versions));
      return { key, value, guard: isUnchanged(key, known?.record) };
    });
    const isThere = {
      key: subscriptionKey(dbId, rpId, name),
      target: 'version',
      op: '>',
      value: 0,
    } as const;
    const { succeeded } = await this.#parts.store.transaction({
      compare: [isThere, ...puts.map(({ guard }) => guard)],
      onSuccess: puts.map(({ key, value }) => ({ kind: 'put', key, value })),
    });
    return succeeded;
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
    this.#retry?.cancel();
  }

  /** Until it succeeds, and again when the history was compacted. */
  #load(): void {
    if (this.#closed) return;
    this.#read().catch((error: unknown) => {
      const { env } = this.#parts;
      env.log.debug('cannot read the cursors of subscriptions', { error: String(error) });
      this.#retry = env.timers.after(reloadMs, () => this.#load());
    });
  }

  async #read(): Promise<void> {
    const { store } = this.#parts;
    const { revision, records } = await store.range(cursorsPrefix);
    if (this.#closed) return;
    this.#known.clear();
    this.#watch?.close();
    this.#watch = store.watch(cursorsPrefix, revision + 1, (notice) => {
      if (notice.kind === 'changes') this.#apply(notice.changes);
      else this.#load();
    });
    this.#isLoaded = true;
    this.#apply(records.map((record) => ({ kind: 'put', record })));
  }

  #apply(changes: readonly MetaChange[]): void {
    const moved: TailPosition[] = [];
    for (const change of changes) {
      if (change.kind === 'delete') {
        this.#known.delete(change.key);
        continue;
      }
      const position = this.#readRecord(change.record);
      if (position === undefined) continue;
      this.#known.set(change.record.key, { record: change.record, position });
      moved.push(position);
    }
    this.#parts.onMoved(moved);
  }

  #readRecord(record: MetaRecord): TailPosition | undefined {
    try {
      return readCursor(record);
    } catch (error) {
      this.#parts.env.log.warn('cannot read the cursor of a subscription', {
        key: record.key,
        error,
      });
      return undefined;
    }
  }
}
