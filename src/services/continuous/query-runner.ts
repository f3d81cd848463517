/**
 * One continuous query on the node that owns it: what is due, what came late, what was put aside.
 *
 * The order that makes it exact: announce, wait until every broker heeds, read and store, then save how
 * far it is. A crash between any two of them repeats windows, which changes nothing: a window computed
 * again stores the same points.
 */

import { CitadelError } from '../../base/errors.ts';
import type { PlannedContinuousQuery } from '../../broker/continuous-query.ts';
import type { Catalog } from '../../metadata/catalog-view.ts';
import type { MetaRecord } from '../../metadata/meta-store.ts';
import type { ServiceParts } from '../parts.ts';
import type { AgreedState } from './agreed-state.ts';
import { Failures } from './failures.ts';
import { findDueMarks, OrphanWatch } from './late-work.ts';
import type { Ownership } from './ownership.ts';
import { QueryState } from './query-state.ts';
import { clipRanges, cutRange, joinRanges, type Range } from './ranges.ts';
import type { QueryKey } from './records.ts';
import { advance, nextDueNs, nextEdge, nextStep, touchedWindows } from './schedule.ts';
import type { WriteGate } from './write-gate.ts';

/** Of one statement; a query whose windows hang together computes one at a time. */
const windowsPerStatement = 10_000;
const windowsPerStep = 100;
const parkedRangesMax = 16;
const parkedRetryMs = 60_000;
/** After so long others get their turn. */
const turnMs = 10_000;
/** Of one statement. */
const statementPatienceMs = 600_000;
/** Windows so close to the end of the target's retention are passed over. */
const retentionMarginNs = 10_000_000_000n;

export interface QueryIdentity {
  readonly key: QueryKey;
  readonly catalogKey: string;
  readonly database: string;
  readonly name: string;
  readonly createdNs: bigint | undefined;
}

export interface RunnerParts {
  readonly env: ServiceParts['env'];
  readonly broker: ServiceParts['broker'];
  readonly catalog: Catalog;
  readonly store: ServiceParts['store'];
  /** This node is the only one there is. */
  readonly isAlone: boolean;
  readonly state: AgreedState;
  readonly gate: WriteGate;
  readonly ownership: Ownership;
  readonly signal: AbortSignal;
}

export interface RunnerStats {
  runs: number;
  failures: number;
  rows: number;
  /** '' = the last run went well. */
  lastError: string;
}

export class QueryRunner {
  readonly identity: QueryIdentity;
  readonly stats: RunnerStats = { runs: 0, failures: 0, rows: 0, lastError: '' };
  readonly #parts: RunnerParts;
  readonly #plan: PlannedContinuousQuery;
  readonly #query: QueryState;
  readonly #failures: Failures;
  readonly #orphans: OrphanWatch;
  /** Windows before it every broker knows to be settled; undefined = not asked in this life. */
  #heededNs: bigint | undefined;
  #parkedRetryMs = Number.NEGATIVE_INFINITY;
  #turnEndMs = 0;

  constructor(parts: RunnerParts, identity: QueryIdentity, plan: PlannedContinuousQuery) {
    this.#parts = parts;
    this.identity = identity;
    this.#plan = plan;
    this.#query = new QueryState(parts, identity.key);
    const windowsMax = plan.isWindowLocal ? windowsPerStatement : windowsPerStep;
    this.#failures = new Failures(parts.env.clock, windowsMax);
    this.#orphans = new OrphanWatch(parts);
  }

  get isOurs(): boolean {
    return this.#parts.ownership.isOurs(this.identity.key);
  }

  /** Up to where windows are settled, ns; undefined = it has not begun. */
  get settledNs(): bigint | undefined {
    return this.#query.known?.value.settledNs;
  }

  /** Put aside, see docs/continuous-queries.md. */
  get parked(): readonly Range[] {
    return this.#query.known?.value.parked ?? [];
  }

  /** How long ago something was due that is not done. */
  get lagSeconds(): number {
    const progress = this.#query.known?.value;
    if (progress === undefined) return 0;
    const lateNs = this.#parts.env.clock.wallNs() - nextDueNs(this.#plan, progress);
    return lateNs > 0n ? Number(lateNs / 1_000_000n) / 1e3 : 0;
  }

  /** Does what there is to do now, if this node owns the query. Never throws. */
  async turn(): Promise<void> {
    const { ownership, env, signal } = this.#parts;
    if (this.#failures.isPausing || signal.aborted) return;
    this.#turnEndMs = env.clock.monotonicMs() + turnMs;
    try {
      if (!(await ownership.claim(this.identity.key))) {
        this.#heededNs = undefined;
        return;
      }
      await this.#begin();
      if (!(await this.#runDue())) return;
      await this.#runLate();
      await this.#runParked();
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  get #hasTime(): boolean {
    const { env, signal } = this.#parts;
    return !signal.aborted && env.clock.monotonicMs() < this.#turnEndMs;
  }

  async #begin(): Promise<void> {
    if (this.#query.known !== undefined) return;
    const { createdNs, catalogKey } = this.identity;
    await this.#query.begin(this.#plan, createdNs ?? this.#parts.env.clock.wallNs(), catalogKey);
  }

  /** Whether nothing is left to do. */
  async #runDue(): Promise<boolean> {
    const { env } = this.#parts;
    while (this.#hasTime) {
      const limits = { windowsMax: this.#failures.windowsMax, oldestNs: this.#oldestNs() };
      const { progress } = this.#query;
      const step = nextStep(this.#plan, progress, env.clock.wallNs(), limits);
      if (step === undefined) return true;
      if (step.next.settledNs > progress.settledNs) await this.#announce(step.announceNs);
      const { range, next } = step;
      const failed = range && (await this.#attempt(range));
      if (failed === 'again') return false;
      if (failed !== 'park') await this.#query.save(next);
      else
        await this.#park(clipRanges([range!], { from: range!.from, until: next.settledNs }), next);
    }
    return false;
  }

  /** Puts windows aside and goes on. */
  async #park(ranges: readonly Range[], change: object): Promise<void> {
    const isFirst = this.parked.length === 0;
    const parked = joinRanges([...this.parked, ...ranges], parkedRangesMax);
    this.#parkedRetryMs = this.#parts.env.clock.monotonicMs() + parkedRetryMs;
    await this.#query.save({ ...change, parked });
    if (!isFirst) return;
    const { database, name: query } = this.identity;
    const { lastError: error } = this.stats;
    const event = 'windows of a continuous query are put aside';
    this.#parts.env.log.warn(event, { database, query, error });
  }

  async #announce(untilNs: bigint): Promise<void> {
    if (this.#heededNs !== undefined && untilNs <= this.#heededNs) return;
    const { revision, heeded } = await this.#query.announce(untilNs);
    await this.#parts.gate.waitUntilHeeded(revision, heeded, this.#parts.signal);
    await this.#refreshFields();
    this.#heededNs = this.#query.progress.announcedNs;
  }

  /** Fields that other nodes made known before their rows: this node's copy of the catalog may be late. */
  async #refreshFields(): Promise<void> {
    const { catalog, isAlone } = this.#parts;
    if (isAlone) return;
    for (const { database, measurement } of this.#plan.sources) {
      const db = catalog.view.database(database);
      if (db !== undefined) await catalog.refreshFields(db.id, measurement);
    }
  }

  /** Windows that rows came late for, computed anew; their marks go when all are done. */
  async #runLate(): Promise<void> {
    const { state, broker, isAlone, gate } = this.#parts;
    const life = isAlone ? gate.incarnation : undefined;
    const due = findDueMarks(state, this.identity.key, this.#orphans, life);
    if (due.length === 0) return;
    for (const { value } of due) broker.heed(value.marks);
    await this.#refreshFields();
    const ranges = due.flatMap(({ value }) => value.ranges);
    const left = await this.#runRanges(this.#clip(ranges));
    const records: MetaRecord[] = due.map(({ record }) => record);
    if (left.length === 0) await this.#query.removeMarks(records);
  }

  /** Changed rows as settled windows. */
  #clip(ranges: readonly Range[]): readonly Range[] {
    const { windows, reach } = this.#plan;
    const { sinceNs, settledNs } = this.#query.progress;
    const oldest = this.#oldestNs() ?? sinceNs;
    const first = oldest > sinceNs ? nextEdge(windows, oldest) : sinceNs;
    const touched = touchedWindows(
      windows,
      clipRanges(ranges, { from: first, until: settledNs }),
      reach,
    );
    return joinRanges(
      clipRanges(touched, { from: first, until: settledNs }),
      Number.MAX_SAFE_INTEGER,
    );
  }

  /** Resolves with what there was no time for; throws on a failure that may pass. */
  async #runRanges(ranges: readonly Range[]): Promise<readonly Range[]> {
    let left = ranges;
    while (left.length > 0 && this.#hasTime) {
      const { from, until } = left[0]!;
      const some = {
        from,
        until: advance(this.#plan.windows, from, this.#failures.windowsMax, until),
      };
      const failed = await this.#attempt(some);
      if (failed === 'again') return left;
      if (failed === 'park') await this.#park([some], {});
      left = cutRange(left, some);
    }
    return left;
  }

  /** Windows that were put aside, each stretch tried once. */
  async #runParked(): Promise<void> {
    const { clock } = this.#parts.env;
    if (this.parked.length === 0 || clock.monotonicMs() < this.#parkedRetryMs) return;
    this.#parkedRetryMs = clock.monotonicMs() + parkedRetryMs;
    for (const { from, until } of this.#clip(this.parked)) {
      const some = {
        from,
        until: advance(this.#plan.windows, from, this.#failures.windowsMax, until),
      };
      if ((await this.#attempt(some)) !== undefined) return;
      await this.#query.save({ parked: cutRange(this.parked, some) });
      // The rest soon: what stood in the way is gone.
      this.#parkedRetryMs = clock.monotonicMs();
    }
    const { progress } = this.#query;
    if (this.#clip(progress.parked).length === 0) await this.#query.save({ parked: [] });
  }

  /** Undefined = done; `park`: it will not succeed as it is; `again`: later. */
  async #attempt(range: Range): Promise<'again' | 'park' | undefined> {
    const { env, broker, gate } = this.#parts;
    try {
      await this.#compute(range);
    } catch (error) {
      const isLost = !this.isOurs;
      const mustPark = this.#noteFailure(error);
      // The next owner may have been faster: what was stored here after it must not stay.
      if (isLost) await gate.markAgain(this.identity.key, range);
      return mustPark ? 'park' : 'again';
    }
    if (this.#failures.inRow > 0) {
      const { database, name: query } = this.identity;
      env.log.info('continuous query runs again', { database, query });
    }
    this.#failures.succeeded();
    this.stats.runs++;
    this.stats.lastError = '';
    broker.stats.continuousQueriesOk++;
    return undefined;
  }

  /** Several windows at once where each is computed from its own rows alone. */
  async #compute({ from, until }: Range): Promise<void> {
    const { windows, isWindowLocal } = this.#plan;
    for (let at = from; at < until; ) {
      const end = isWindowLocal ? until : advance(windows, at, 1, until);
      await this.#runStatement(this.#plan.select(at, end));
      at = end;
    }
  }

  async #runStatement(text: string): Promise<void> {
    const { broker, env, signal, ownership } = this.#parts;
    const { key, database } = this.identity;
    const mayStore = () => {
      if (ownership.isOurs(key)) return;
      throw new CitadelError('conflict', 'this node no longer runs the continuous query');
    };
    const patience = new AbortController();
    const timer = env.timers.after(statementPatienceMs, () => {
      patience.abort(new CitadelError('timeout', 'timeout'));
    });
    try {
      const both = AbortSignal.any([signal, patience.signal]);
      this.stats.rows += await broker.runOwn({ text, database, signal: both, mayStore });
    } finally {
      timer.cancel();
    }
  }

  /** Whether what failed is to be put aside. */
  #noteFailure(error: unknown): boolean {
    const { env, signal, broker } = this.#parts;
    const isFirst = this.#failures.inRow === 0;
    const mustPark = this.#failures.failed(error);
    if (signal.aborted) return false;
    this.stats.failures++;
    broker.stats.continuousQueriesFailed++;
    this.stats.lastError = error instanceof Error ? error.message : String(error);
    if (isFirst) {
      const { database, name: query } = this.identity;
      env.log.warn('continuous query failed', { database, query, error: this.stats.lastError });
    }
    return mustPark;
  }

  /** Windows from before it cannot be stored: the target's policy keeps nothing so old. */
  #oldestNs(): bigint | undefined {
    const { view } = this.#parts.catalog;
    const { database, policy } = this.#plan.target;
    const db = view.database(database);
    const { durationNs } = (db && view.policy(db, policy)) ?? { durationNs: 0n };
    if (durationNs === 0n) return undefined;
    return this.#parts.env.clock.wallNs() - durationNs + retentionMarginNs;
  }
}
