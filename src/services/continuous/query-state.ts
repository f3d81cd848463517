/**
 * The agreed state of one query in the hands of its owner: every change is one transaction, guarded by the
 * ownership and by the progress being the one it was decided on.
 */

import { CitadelError } from '../../base/errors.ts';
import type { PlannedContinuousQuery } from '../../broker/continuous-query.ts';
import { continuousKeys } from '../../metadata/meta-keys.ts';
import {
  isUnchanged,
  type MetaCompare,
  type MetaOp,
  type MetaRecord,
  type MetaStore,
  transactionSizeMax,
} from '../../metadata/meta-store.ts';
import type { AgreedState, Known } from './agreed-state.ts';
import type { Ownership } from './ownership.ts';
import { type ProgressRecord, progressKey, type QueryKey, renderProgress } from './records.ts';
import { beginProgress, type Schedule } from './schedule.ts';

export interface QueryStateParts {
  readonly store: MetaStore;
  readonly state: AgreedState;
  readonly ownership: Ownership;
  readonly signal: AbortSignal;
}

/** What an announcement was told. */
export interface Announcement {
  readonly revision: number;
  /** The brokers that must heed it. */
  readonly heeded: readonly MetaRecord[];
}

/** Sources that the query does not write itself: its own rows never come late. */
function sourcesOf({ sources, target }: PlannedContinuousQuery) {
  return sources.filter(
    ({ database, policy, measurement }) =>
      database !== target.database ||
      policy !== target.policy ||
      (measurement !== undefined &&
        target.measurement !== undefined &&
        measurement !== target.measurement),
  );
}

export class QueryState {
  readonly #parts: QueryStateParts;
  readonly #query: QueryKey;

  constructor(parts: QueryStateParts, query: QueryKey) {
    this.#parts = parts;
    this.#query = query;
  }

  /** Undefined = it was never begun, or dropped. */
  get known(): Known<ProgressRecord> | undefined {
    return this.#parts.state.progress.get(this.#query);
  }

  /** @throws CitadelError `conflict` when somebody else has changed it, `unavailable` */
  get progress(): ProgressRecord {
    const { known } = this;
    if (known !== undefined) return known.value;
    throw new CitadelError('conflict', 'the continuous query was dropped');
  }

  /** The first progress, of a query made at a time. `catalogKey`: of the query, which must still be there. */
  async begin(plan: PlannedContinuousQuery, createdNs: bigint, catalogKey: string): Promise<void> {
    const schedule: Schedule = plan;
    const progress = beginProgress(schedule, createdNs);
    const value = renderProgress({
      ...progress,
      announcedNs: progress.settledNs,
      windows: plan.windows,
      sources: sourcesOf(plan),
      parked: [],
    });
    const isThere: MetaCompare = { key: catalogKey, target: 'version', op: '>', value: 0 };
    const put: MetaOp = { kind: 'put', key: progressKey(this.#query), value };
    await this.#change([isThere, isUnchanged(progressKey(this.#query), undefined)], [put]);
  }

  /** Windows before the time are about to be settled. */
  async announce(announcedNs: bigint): Promise<Announcement> {
    const { known } = this;
    const highest =
      this.progress.announcedNs > announcedNs ? this.progress.announcedNs : announcedNs;
    const value = renderProgress({ ...this.progress, announcedNs: highest });
    const put: MetaOp = { kind: 'put', key: progressKey(this.#query), value };
    const look: MetaOp = { kind: 'range', prefix: continuousKeys.heeded };
    const guard = isUnchanged(progressKey(this.#query), known?.record);
    const { revision, results } = await this.#change([guard], [put, look]);
    return { revision, heeded: results[1]?.records ?? [] };
  }

  async save(change: Partial<ProgressRecord>): Promise<void> {
    const { known } = this;
    const value = renderProgress({ ...this.progress, ...change });
    const put: MetaOp = { kind: 'put', key: progressKey(this.#query), value };
    await this.#change([isUnchanged(progressKey(this.#query), known?.record)], [put]);
  }

  /** Removes late marks whose windows are done; one that was changed meanwhile stays. */
  async removeMarks(marks: readonly MetaRecord[]): Promise<void> {
    const { store, ownership } = this.#parts;
    const guard = ownership.guard(this.#query);
    const room = transactionSizeMax - guard.length;
    for (let from = 0; from < marks.length; from += room) {
      const some = marks.slice(from, from + room);
      const outcome = await store.transaction({
        compare: [...guard, ...some.map((mark) => isUnchanged(mark.key, mark))],
        onSuccess: some.map(({ key }): MetaOp => ({ kind: 'delete', key })),
      });
      if (outcome.succeeded) await this.#reach(outcome.revision);
      else if (some.length > 1) for (const mark of some) await this.removeMarks([mark]);
    }
  }

  async #change(compare: readonly MetaCompare[], onSuccess: readonly MetaOp[]) {
    const { store, ownership } = this.#parts;
    const guard = ownership.guard(this.#query);
    const outcome = await store.transaction({ compare: [...guard, ...compare], onSuccess });
    if (!outcome.succeeded) {
      throw new CitadelError('conflict', 'the continuous query was changed or runs elsewhere');
    }
    await this.#reach(outcome.revision);
    return outcome;
  }

  /** Until the copy has what was changed. */
  async #reach(revision: number): Promise<void> {
    const { state, signal } = this.#parts;
    const isThere = await state.waitUntil(() => state.revision >= revision, signal);
    if (!isThere) throw new CitadelError('cancelled', 'continuous queries are being stopped');
  }
}
