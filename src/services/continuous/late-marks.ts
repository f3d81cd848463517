/**
 * Late marks of this node: made durable before late rows are stored, closed when their fate is settled.
 * The owner of the query computes the windows of closed marks anew and removes them.
 *
 * What comes while one transaction is under way goes with the next one, so that a stream of late rows
 * costs a transaction per round trip of the metadata store, not per write.
 */

import type { EntryMark } from '../../broker/requests.ts';
import type { Env } from '../../env/env.ts';
import { type MetaOp, type MetaStore, transactionSizeMax } from '../../metadata/meta-store.ts';
import { rangesPerMark } from './late-rows.ts';
import { coversRange, joinRanges, type Range } from './ranges.ts';
import { lateKey, type QueryKey, renderLateMark } from './records.ts';

/** Later writes may use a mark that is open for so long, so that it closes some time. */
const reuseMs = 500;
const retryMs = 500;

export type LateWindows = ReadonlyMap<QueryKey, readonly Range[]>;

interface Mark {
  readonly key: string;
  readonly query: QueryKey;
  readonly ranges: readonly Range[];
  readonly openedMs: number;
  users: number;
}

/** One write's share in marks. */
export interface LateHold {
  /** The fate of its rows is settled. */
  release(): void;
}

interface Batch {
  readonly ranges: Map<QueryKey, Range[]>;
  userCount: number;
  readonly done: Promise<readonly Mark[]>;
}

export interface LateMarkParts {
  readonly env: Pick<Env, 'clock' | 'timers' | 'log'>;
  readonly store: MetaStore;
  readonly self: string;
  readonly incarnation: string;
  /** What this broker's clients have been told is stored. */
  readonly acknowledged: () => readonly EntryMark[];
}

export class LateMarks {
  readonly #parts: LateMarkParts;
  readonly #open = new Set<Mark>();
  readonly #closing = new Set<Mark>();
  #next: Batch | undefined;
  #opening: Promise<unknown> = Promise.resolve();
  #closer: Promise<void> | undefined;
  #count = 0;
  #closed = false;

  constructor(parts: LateMarkParts) {
    this.#parts = parts;
  }

  /** Resolves when marks over these windows are durable. @throws CitadelError `unavailable` */
  async hold(late: LateWindows): Promise<LateHold> {
    const known = this.#findOpen(late);
    if (known !== undefined) {
      for (const mark of known) mark.users++;
      return this.#holdOf(known);
    }
    this.#next ??= this.#startBatch();
    const batch = this.#next;
    batch.userCount++;
    for (const [query, ranges] of late) {
      const all = batch.ranges.get(query);
      if (all === undefined) batch.ranges.set(query, [...ranges]);
      else all.push(...ranges);
    }
    return this.#holdOf(await batch.done);
  }

  /** The same by marks that no other write shares, so that they can be held for long. */
  async holdAlone(late: LateWindows): Promise<LateHold> {
    const marks = await this.#openMarks(late, 1);
    for (const mark of marks) this.#open.delete(mark);
    return this.#holdOf(marks);
  }

  /** What is open is left to the owners, who see that this node is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#closer;
  }

  #holdOf(marks: readonly Mark[]): LateHold {
    let isHeld = true;
    return {
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        for (const mark of marks) if (--mark.users === 0) this.#close(mark);
      },
    };
  }

  /** Marks that cover all of it and are young; undefined = there are none. */
  #findOpen(late: LateWindows): readonly Mark[] | undefined {
    const nowMs = this.#parts.env.clock.monotonicMs();
    const found = new Set<Mark>();
    for (const [query, ranges] of late) {
      const usable = [...this.#open].find(
        (mark) =>
          mark.query === query &&
          nowMs - mark.openedMs < reuseMs &&
          ranges.every((range) => coversRange(mark.ranges, range)),
      );
      if (usable === undefined) return undefined;
      found.add(usable);
    }
    return [...found];
  }

  #startBatch(): Batch {
    const before = this.#opening;
    const batch: Batch = {
      ranges: new Map(),
      userCount: 0,
      done: before
        .catch(() => undefined)
        .then(() => {
          this.#next = undefined;
          return this.#openMarks(batch.ranges, batch.userCount);
        }),
    };
    this.#opening = batch.done;
    return batch;
  }

  async #openMarks(ranges: LateWindows, userCount: number): Promise<readonly Mark[]> {
    const { env, self } = this.#parts;
    const openedMs = env.clock.monotonicMs();
    const marks = [...ranges].map(([query, list]): Mark => {
      const key = lateKey(query, self, `${this.#parts.incarnation}-${++this.#count}`);
      return { key, query, ranges: joinRanges(list, rangesPerMark), openedMs, users: userCount };
    });
    try {
      await this.#put(marks, true);
    } catch (error) {
      // Whether they are there is unknown: closed they do no harm.
      for (const mark of marks) this.#close(mark);
      throw error;
    }
    for (const mark of marks) this.#open.add(mark);
    return marks;
  }

  #close(mark: Mark): void {
    this.#open.delete(mark);
    this.#closing.add(mark);
    this.#startCloser();
  }

  #startCloser(): void {
    this.#closer ??= this.#closeAll().finally(() => {
      this.#closer = undefined;
      if (this.#closing.size > 0 && !this.#closed) this.#startCloser();
    });
  }

  async #closeAll(): Promise<void> {
    while (this.#closing.size > 0) {
      const marks = [...this.#closing].slice(0, transactionSizeMax);
      try {
        await this.#put(marks, false);
        for (const mark of marks) this.#closing.delete(mark);
      } catch (error) {
        if (this.#closed) return;
        this.#parts.env.log.debug('cannot close late marks', { error: String(error) });
        await this.#parts.env.timers.sleep(retryMs);
      }
    }
  }

  async #put(marks: readonly Mark[], isOpen: boolean): Promise<void> {
    const { store, incarnation, acknowledged } = this.#parts;
    const entries = isOpen ? [] : acknowledged();
    for (let from = 0; from < marks.length; from += transactionSizeMax) {
      const onSuccess = marks.slice(from, from + transactionSizeMax).map(
        ({ key, ranges }): MetaOp => ({
          kind: 'put',
          key,
          value: renderLateMark({ incarnation, isOpen, ranges, marks: entries }),
        }),
      );
      await store.transaction({ compare: [], onSuccess });
    }
  }
}
