/**
 * Continuous queries: this node's broker notes what comes late, and this node runs the queries it owns.
 *
 * What is agreed on, in which order things happen, and what holds when nodes die: docs/continuous-queries.md.
 */

import type { Reading } from '../../base/reading.ts';
import { planContinuousQuery } from '../../broker/continuous-query.ts';
import type { TimerHandle } from '../../env/env.ts';
import type { ContinuousQuery } from '../../metadata/admin-view.ts';
import { continuousQueryKey } from '../../metadata/meta-keys.ts';
import { isAbsent } from '../../metadata/meta-store.ts';
import { formatTime } from '../../query/format/format-time.ts';
import type { Service, ServiceParts } from '../parts.ts';
import { AgreedState } from './agreed-state.ts';
import { Ownership } from './ownership.ts';
import { QueryRunner, type RunnerParts } from './query-runner.ts';
import { lateKeys, progressKey, type QueryKey, queryKeyOf, queryOfMark } from './records.ts';
import { WriteGate } from './write-gate.ts';

/** Between two looks for marks of queries that were dropped while rows were on their way. */
const sweepPeriodMs = 60_000;
/** Queries that run at the same time on a node. */
const runningMax = 4;

interface Entry {
  readonly text: string;
  readonly createdNs: bigint | undefined;
  readonly runner: QueryRunner | undefined;
  /** Why it cannot run at all; '' = it can. */
  readonly problem: string;
  readonly database: string;
  readonly name: string;
}

class ContinuousQueries implements Service {
  readonly name = 'continuousQueries';
  readonly #parts: ServiceParts;
  readonly #state: AgreedState;
  readonly #gate: WriteGate;
  readonly #stopping = new AbortController();
  readonly #runnerParts: RunnerParts;
  readonly #entries = new Map<QueryKey, Entry>();
  /** Turns under way. */
  readonly #turns = new Map<QueryRunner, Promise<void>>();
  /** Whose turn comes next. */
  readonly #waiting = new Set<QueryRunner>();
  readonly #timers: readonly TimerHandle[];

  constructor(parts: ServiceParts, state: AgreedState, gate: WriteGate) {
    this.#parts = parts;
    this.#state = state;
    this.#gate = gate;
    const { env, broker, catalog, store, lease } = parts;
    this.#runnerParts = {
      env,
      broker,
      catalog,
      store,
      isAlone: lease === undefined,
      state,
      gate,
      ownership: new Ownership(parts, state),
      signal: this.#stopping.signal,
    };
    const { enabled, runIntervalMs } = parts.settings.continuousQueries;
    this.#timers = enabled
      ? [
          env.timers.every(runIntervalMs, () => this.#look()),
          env.timers.every(sweepPeriodMs, () => void this.#sweep()),
        ]
      : [];
  }

  readings(): readonly Reading[] {
    const owned = this.#owned();
    const reading = (
      kind: Reading['kind'],
      name: string,
      help: string,
      read: (one: QueryRunner) => number,
    ) => ({
      kind,
      name: `continuous_query_${name}`,
      help,
      labelNames: ['database', 'query'],
      values: owned.map((runner) => ({
        labels: { database: runner.identity.database, query: runner.identity.name },
        value: read(runner),
      })),
    });
    return [
      reading(
        'counter',
        'runs',
        'Statements that a continuous query ran here',
        ({ stats }) => stats.runs,
      ),
      reading('counter', 'failures', 'Runs here that failed', ({ stats }) => stats.failures),
      reading('counter', 'rows', 'Points that its runs here stored', ({ stats }) => stats.rows),
      reading(
        'gauge',
        'lag_seconds',
        'How long ago a run was due that is not done',
        (one) => one.lagSeconds,
      ),
      reading(
        'gauge',
        'parked_ranges',
        'Stretches of windows put aside',
        ({ parked }) => parked.length,
      ),
    ];
  }

  describe(): unknown {
    return [...this.#entries].map(([key, { runner, problem, database, name }]) => {
      const owner = this.#state.owners.get(key)?.value.node;
      const { settledNs, stats } = runner ?? {};
      return {
        database,
        name,
        owner: this.#parts.lease === undefined ? this.#parts.self : (owner ?? null),
        settledUntil: settledNs === undefined ? null : formatTime(settledNs),
        lagSeconds: runner?.lagSeconds ?? null,
        lastError: problem || (stats?.lastError ?? ''),
        parked: (runner?.parked ?? []).map(({ from, until }) => ({
          from: formatTime(from),
          until: formatTime(until),
        })),
      };
    });
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    this.#stopping.abort();
    await Promise.all(this.#turns.values());
    await this.#gate.close();
    this.#state.close();
  }

  #owned(): QueryRunner[] {
    const runners = [...this.#entries.values()].map(({ runner }) => runner);
    return runners.filter((runner) => runner?.isOurs === true) as QueryRunner[];
  }

  #look(): void {
    if (!this.#gate.isKnown || this.#stopping.signal.aborted) return;
    this.#followCatalog();
    for (const { runner } of this.#entries.values()) {
      if (runner !== undefined && !this.#turns.has(runner)) this.#waiting.add(runner);
    }
    this.#startTurns();
  }

  #startTurns(): void {
    for (const runner of this.#waiting) {
      if (this.#turns.size >= runningMax || this.#stopping.signal.aborted) return;
      this.#waiting.delete(runner);
      const turn = runner.turn().finally(() => {
        this.#turns.delete(runner);
        this.#startTurns();
      });
      this.#turns.set(runner, turn);
    }
  }

  #followCatalog(): void {
    const { view, admin } = this.#parts.catalog;
    const there = new Set<QueryKey>();
    for (const { id, name: database } of view.databases) {
      for (const query of admin.view.continuousQueries(id)) {
        const key = queryKeyOf(id, query.name);
        there.add(key);
        const known = this.#entries.get(key);
        if (known?.text === query.text && known.createdNs === query.createdNs) continue;
        this.#remove(key);
        this.#entries.set(key, this.#makeEntry(key, database, query));
      }
    }
    for (const key of [...this.#entries.keys()]) if (!there.has(key)) this.#remove(key);
  }

  /** Marks of queries that are gone, that came after the drop. Never throws. */
  async #sweep(): Promise<void> {
    const { store, env } = this.#parts;
    const { late, progress } = this.#state;
    const gone = new Set([...late.keys()].map(queryOfMark));
    for (const query of gone) {
      if (progress.has(query) || this.#entries.has(query)) continue;
      try {
        await store.transaction({
          compare: [isAbsent(progressKey(query))],
          onSuccess: [{ kind: 'delete-prefix', prefix: lateKeys(query) }],
        });
      } catch (error) {
        env.log.debug('cannot sweep late marks', { query, error: String(error) });
      }
    }
  }

  #remove(key: QueryKey): void {
    const runner = this.#entries.get(key)?.runner;
    if (runner !== undefined) this.#waiting.delete(runner);
    this.#entries.delete(key);
  }

  #makeEntry(
    key: QueryKey,
    database: string,
    { dbId, name, text, createdNs }: ContinuousQuery,
  ): Entry {
    const catalogKey = continuousQueryKey(dbId, name);
    const identity = { key, catalogKey, database, name, createdNs };
    const known = { text, createdNs, database, name };
    try {
      const runner = new QueryRunner(this.#runnerParts, identity, planContinuousQuery(text));
      return { ...known, runner, problem: '' };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.#parts.env.log.warn('cannot run continuous query', {
        database,
        query: name,
        error: problem,
      });
      return { ...known, runner: undefined, problem };
    }
  }
}

export async function startContinuousQueries(parts: ServiceParts): Promise<Service> {
  const state = new AgreedState(parts.env, parts.store);
  const gate = await WriteGate.open(parts, state);
  parts.broker.watchWrites(gate);
  return new ContinuousQueries(parts, state, gate);
}
