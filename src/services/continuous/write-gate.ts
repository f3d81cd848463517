/**
 * What every node's broker does so that no row slips past a continuous query.
 *
 * An owner announces up to where it is about to settle windows, then waits until every broker heeds that: each
 * takes the announcement to heart at once, waits for the writes that began before, and says so. From then on a
 * row before the announced time is **late**: a mark over its window is durable before the row is
 * stored. So whatever an owner's read does not see is either stored in a window that is not settled
 * yet, or has a mark.
 *
 * A broker without a valid lease can neither hear announcements nor be heard: it notes the times of all rows it
 * takes in a file, before they are stored, and when it is back every query gets a mark over them. What is on its
 * way when a node crashes may surface from its log when it is back: that is noted too.
 */

import { CitadelError } from '../../base/errors.ts';
import type { WatchedRows, WritePass, WriteWatch } from '../../broker/write-watch.ts';
import type { TimerHandle } from '../../env/env.ts';
import type { MetaRecord } from '../../metadata/meta-store.ts';
import type { ServiceParts } from '../parts.ts';
import type { AgreedState } from './agreed-state.ts';
import { type LateHold, LateMarks, type LateWindows } from './late-marks.ts';
import { LateNotes } from './late-notes.ts';
import { findLateWindows, readMeasurements, spanOf } from './late-rows.ts';
import { clipRanges, type Range } from './ranges.ts';
import { heededKey, type ProgressRecord, type QueryKey, renderHeeded } from './records.ts';
import { waitForBroker } from './wait-for-broker.ts';

const tickMs = 250;
/** Notes of rows that are no longer on their way go about once a minute. */
const ticksPerSweep = 240;
/** Rows whose fate is unknown may still be stored by then: longer than any write is on its way. */
const unknownMs = 30_000;
/** Frames of a broker that is gone may still be taken for so long. */
const lingerMs = 2_000;
const heedPatienceMs = 20_000;

type GateParts = Pick<ServiceParts, 'env' | 'broker' | 'store' | 'disk' | 'self' | 'lease'>;

interface KnownReader {
  readonly query: QueryKey;
  readonly reader: ProgressRecord;
}

/** A write under way. */
interface Pass {
  /** Resolves when its fate is settled. */
  readonly settled: Promise<void>;
  readonly touched: readonly Range[];
  /** Lease under which it began; '' = none. */
  readonly lease: string;
}

export class WriteGate implements WriteWatch {
  readonly incarnation: string;
  readonly #parts: GateParts;
  readonly #state: AgreedState;
  readonly #marks: LateMarks;
  readonly #notes: LateNotes;
  readonly #passes = new Set<Pass>();
  readonly #stops: (() => void)[] = [];
  readonly #waiters = new Set<() => void>();
  /** `<database> <policy>` as JSON -> the queries that read from there. */
  #readers: ReadonlyMap<string, readonly KnownReader[]> = new Map();
  #announced = '';
  /** Lease that this broker was made known under; '' = alone; undefined = not known to anybody. */
  #knownLease: string | undefined;
  #wantedRevision = 0;
  #heededRevision = 0;
  #heeding: Promise<void> | undefined;
  #attaching: Promise<void> | undefined;
  #delivering: Promise<void> | undefined;
  #tick: TimerHandle | undefined;
  #tickCount = 0;
  #closed = false;

  private constructor(parts: GateParts, state: AgreedState, notes: LateNotes) {
    const { env, store, self, broker } = parts;
    this.#parts = parts;
    this.#state = state;
    this.#notes = notes;
    this.incarnation = Buffer.from(env.rng.bytes(4)).toString('hex');
    const acknowledged = () => broker.acknowledged();
    this.#marks = new LateMarks({ env, store, self, incarnation: this.incarnation, acknowledged });
  }

  /** Resolves when writes may be taken. @throws CitadelError `corrupt`, `unavailable` */
  static async open(parts: GateParts, state: AgreedState): Promise<WriteGate> {
    const gate = new WriteGate(parts, state, await LateNotes.open(parts.disk));
    gate.#stops.push(state.onChange(() => gate.#follow()));
    if (parts.lease === undefined) await gate.#attach('');
    gate.#tick = parts.env.timers.every(tickMs, () => gate.#onTick());
    return gate;
  }

  /** This broker's own lease is valid and it is known under it; always so when alone. */
  get isKnown(): boolean {
    const { lease } = this.#parts;
    return this.#knownLease !== undefined && (lease?.() ?? '') === this.#knownLease;
  }

  enter(rows: WatchedRows): WritePass | undefined {
    if (!this.isKnown) return this.#enterUnknown(rows);
    const readers = this.#readers.get(JSON.stringify([rows.database, rows.policy])) ?? [];
    const touched = new Map<QueryKey, readonly Range[]>();
    const late = new Map<QueryKey, readonly Range[]>();
    for (const { query, reader } of readers) {
      const isRead = readMeasurements(reader, rows);
      const span = isRead && spanOf(rows, isRead);
      if (isRead === undefined || span === undefined) continue;
      const windows = findLateWindows(rows, isRead, reader, span);
      if (windows.length > 0) late.set(query, windows);
      const onTime = clipRanges([span], { from: reader.announcedNs, until: span.until });
      if (windows.length + onTime.length > 0) touched.set(query, [...windows, ...onTime]);
    }
    return touched.size === 0 ? undefined : this.#open(touched, late);
  }

  /** Resolves when every broker heeds what was announced by a revision; `heeded`: all of them as of then. */
  async waitUntilHeeded(
    revision: number,
    heeded: readonly MetaRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    const { env } = this.#parts;
    const patience = new AbortController();
    const timer = env.timers.after(heedPatienceMs, () => patience.abort());
    const stop = AbortSignal.any([signal, patience.signal]);
    try {
      await this.#waitForOwn(revision, stop);
      const gone = await Promise.all(
        heeded.map((one) => waitForBroker(this.#parts, this.#state, one, revision, stop)),
      );
      if (gone.includes(true)) await env.timers.sleep(lingerMs, signal);
    } finally {
      timer.cancel();
    }
  }

  /** Rows of these windows may have been overwritten by older results: they are computed once more. */
  async markAgain(query: QueryKey, range: Range): Promise<void> {
    (await this.#hold(new Map([[query, [range]]]))).release();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tick?.cancel();
    for (const stop of this.#stops) stop();
    for (const wake of [...this.#waiters]) wake();
    await Promise.allSettled([this.#attaching, this.#delivering]);
    await this.#marks.close();
    const hot = [...this.#passes].flatMap(({ touched }) => touched);
    await this.#notes.keepHot(hot).catch((error: unknown) => this.#complain('cannot note', error));
  }

  /** Of rows that nobody can be told of: noted first, for queries that this node may not know of yet. */
  #enterUnknown(rows: WatchedRows): WritePass | undefined {
    const every = new Uint8Array(rows.measurements.length).fill(1);
    const span = spanOf(rows, every);
    if (span === undefined) return undefined;
    const { settle } = this.#begin([span]);
    return {
      ready: this.#notes.addUnheard(span),
      settle: async () => settle(),
    };
  }

  #open(touched: LateWindows, late: LateWindows): WritePass {
    const { pass, settle } = this.#begin([...touched.values()].flat());
    const held = this.#prepare(pass, late);
    // Who waits for it hears of it.
    held.catch(() => undefined);
    const isReady = late.size === 0 && this.#parts.lease === undefined;
    return {
      ready: isReady ? undefined : held.then(() => undefined),
      settle: async (isKnown) => {
        try {
          // Nobody may have waited for it: it was cut off meanwhile, or may be stored later.
          const isMissed = !isKnown || !this.isKnown || this.#knownLease !== pass.lease;
          if (isMissed) await this.#markMissed(touched, isKnown);
        } finally {
          held.then(
            (hold) => hold?.release(),
            () => undefined,
          );
          settle();
        }
      },
    };
  }

  /** What must be durable before the rows leave. */
  async #prepare({ touched }: Pass, late: LateWindows): Promise<LateHold | undefined> {
    // Alone, what surfaces after a crash surfaces before anything is computed.
    const isNoted = this.#parts.lease !== undefined;
    const [hold] = await Promise.all([
      late.size === 0 ? undefined : this.#hold(late),
      isNoted ? this.#notes.addHot(touched) : undefined,
    ]);
    return hold;
  }

  async #markMissed(touched: LateWindows, isKnown: boolean): Promise<void> {
    const hold = await this.#hold(touched, !isKnown);
    if (isKnown) hold.release();
    else this.#parts.env.timers.after(unknownMs, () => hold.release());
  }

  #begin(touched: readonly Range[]) {
    let resolve: () => void = () => undefined;
    const settled = new Promise<void>((done) => {
      resolve = done;
    });
    const lease = (this.isKnown ? this.#knownLease : undefined) ?? '';
    const pass: Pass = { settled, touched, lease };
    this.#passes.add(pass);
    const settle = () => {
      this.#passes.delete(pass);
      resolve();
    };
    return { pass, settle };
  }

  /** Marks, or else a note. @throws CitadelError `unavailable`, `disk-full` when neither can be written */
  async #hold(late: LateWindows, isAlone = false): Promise<LateHold> {
    try {
      return await (isAlone ? this.#marks.holdAlone(late) : this.#marks.hold(late));
    } catch (error) {
      const isAway = error instanceof CitadelError && error.code === 'unavailable';
      if (!isAway || this.#parts.lease === undefined) throw error;
      for (const range of [...late.values()].flat()) await this.#notes.addUnheard(range);
      return { release: () => undefined };
    }
  }

  #follow(): void {
    const readers = new Map<string, KnownReader[]>();
    let announced = '';
    for (const [query, { value: reader }] of this.#state.progress) {
      announced += `${query} ${reader.announcedNs}\n`;
      const places = reader.sources.map(({ database, policy }) =>
        JSON.stringify([database, policy]),
      );
      for (const place of new Set(places)) {
        const known = readers.get(place);
        if (known === undefined) readers.set(place, [{ query, reader }]);
        else known.push({ query, reader });
      }
    }
    this.#readers = readers;
    if (announced === this.#announced) return;
    this.#announced = announced;
    this.#wantedRevision = this.#state.revision;
    this.#startHeeding();
  }

  #startHeeding(): void {
    if (this.#closed || !this.isKnown || this.#wantedRevision <= this.#heededRevision) return;
    this.#heeding ??= this.#heed()
      .catch((error: unknown) => this.#complain('cannot heed continuous queries', error))
      .finally(() => {
        this.#heeding = undefined;
      });
  }

  async #heed(): Promise<void> {
    while (this.isKnown && this.#wantedRevision > this.#heededRevision && !this.#closed) {
      const revision = this.#wantedRevision;
      await Promise.all([...this.#passes].map(({ settled }) => settled));
      if (!(await this.#tellHeeded(revision))) return;
      this.#heededRevision = revision;
      for (const wake of [...this.#waiters]) wake();
    }
  }

  /** Whether it was told. @throws CitadelError `unavailable` */
  async #tellHeeded(revision: number): Promise<boolean> {
    const { store, self, broker } = this.#parts;
    const lease = this.#knownLease;
    if (lease === '') return true;
    if (lease === undefined) return false;
    const marks = broker.acknowledged();
    const value = renderHeeded({ incarnation: this.incarnation, revision, marks });
    const onSuccess = [{ kind: 'put', key: heededKey(self), value, lease } as const];
    return (await store.transaction({ compare: [], onSuccess })).succeeded;
  }

  #onTick(): void {
    const lease = this.#parts.lease?.() ?? (this.#parts.lease === undefined ? '' : undefined);
    if (lease !== undefined && lease !== this.#knownLease) {
      this.#attaching ??= this.#attach(lease)
        .catch((error: unknown) => this.#complain('cannot join continuous queries', error))
        .finally(() => {
          this.#attaching = undefined;
        });
    }
    this.#startHeeding();
    if (++this.#tickCount % ticksPerSweep === 0) {
      const hot = [...this.#passes].flatMap(({ touched }) => touched);
      this.#notes.keepHot(hot).catch((error: unknown) => this.#complain('cannot note', error));
    }
    if (this.#notes.unheard.length > 0 && this.isKnown) {
      this.#delivering ??= this.#deliver()
        .catch((error: unknown) => this.#complain('cannot mark noted times', error))
        .finally(() => {
          this.#delivering = undefined;
        });
    }
  }

  /** First known to owners, then reading what they announced: so no announcement is missed by both. */
  async #attach(lease: string): Promise<void> {
    this.#knownLease = undefined;
    if (lease !== '') {
      const { store, self } = this.#parts;
      const value = renderHeeded({ incarnation: this.incarnation, revision: 0, marks: [] });
      const onSuccess = [{ kind: 'put', key: heededKey(self), value, lease } as const];
      await store.transaction({ compare: [], onSuccess });
    }
    await this.#state.load();
    this.#knownLease = lease;
    this.#wantedRevision = this.#state.revision;
    this.#heededRevision = 0;
    this.#startHeeding();
  }

  /** What was noted while nobody could be told, as marks for every query. */
  async #deliver(): Promise<void> {
    const unknown = [...this.#passes].filter(({ lease }) => lease !== this.#knownLease);
    await Promise.all(unknown.map(({ settled }) => settled));
    const { unheard } = this.#notes;
    const late = new Map([...this.#state.progress.keys()].map((query) => [query, unheard]));
    if (late.size > 0) {
      (await this.#marks.hold(late)).release();
      // Once more when what this node's logs brought along is everywhere.
      await this.#markMissed(late, false);
    }
    await this.#notes.clear(unheard);
  }

  /** It is tried again at the next tick. */
  #complain(event: string, error: unknown): void {
    this.#parts.env.log.debug(event, { error: String(error) });
  }

  async #waitForOwn(revision: number, signal: AbortSignal): Promise<void> {
    const isDone = () => this.#heededRevision >= revision;
    if (isDone()) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        if (!isDone() && !signal.aborted && !this.#closed) return;
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener('abort', wake);
      wake();
    });
    if (!isDone()) throw new CitadelError('unavailable', 'writes of this node are held up');
  }
}
