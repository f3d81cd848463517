/** The queries under way, by number, so that they can be listed and ended. */

import { mayRun, type Rights } from '../../access/rights.ts';
import { CitadelError } from '../../base/errors.ts';
import type { Clock } from '../../env/env.ts';
import { formatGoDuration } from '../../influxql/duration.ts';
import { printStatement } from '../../influxql/print-statement.ts';
import type { Statement } from '../../influxql/statement.ts';
import type { SeriesPiece } from '../../query/result.ts';
import { makeTable } from './make-table.ts';

export interface NewQuery {
  readonly statements: readonly Statement[];
  readonly database: string;
  /** Name of whoever asked; '' = nobody. */
  readonly user: string;
  readonly end: (reason: CitadelError) => void;
}

interface Entry extends NewQuery {
  /** Monotonic ms. */
  readonly startedMs: number;
  isKilled: boolean;
}

const columns = ['qid', 'query', 'database', 'duration', 'status'];

/** In the largest unit that has a whole count: what comes below it is cut off. */
function formatAge(ms: number): string {
  const ns = BigInt(Math.max(0, Math.floor(ms * 1e6)));
  const unit = ns >= 1_000_000_000n ? 1_000_000_000n : ns >= 1_000_000n ? 1_000_000n : 1_000n;
  return formatGoDuration(ns < unit ? ns : ns - (ns % unit));
}

export class RunningQueries {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** In order of their numbers. */
  readonly #entries = new Map<number, Entry>();
  #lastId = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Returns the number of the query. */
  add(query: NewQuery): number {
    const id = ++this.#lastId;
    this.#entries.set(id, { ...query, startedMs: this.#clock.monotonicMs(), isKilled: false });
    return id;
  }

  /** Returns how long it took, ms. */
  remove(id: number): number {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    return entry === undefined ? 0 : this.#clock.monotonicMs() - entry.startedMs;
  }

  /**
   * The query ends with `query interrupted`.
   *
   * @throws CitadelError `not-found`, `conflict`
   */
  kill(id: bigint): void {
    const entry = this.#entries.get(Number(id));
    if (entry === undefined) throw new CitadelError('not-found', `no such query id: ${id}`);
    if (entry.isKilled) throw new CitadelError('conflict', 'already killed');
    entry.isKilled = true;
    entry.end(new CitadelError('cancelled', 'query interrupted'));
  }

  /** One's own, and those that one could have asked oneself. */
  show(rights: Rights): SeriesPiece {
    const nowMs = this.#clock.monotonicMs();
    const shown = [...this.#entries].filter(
      ([, { statements, database, user }]) =>
        user === rights.user || mayRun(rights, statements, database),
    );
    const rows = shown.map(([id, { statements, database, startedMs, isKilled }]) => [
      BigInt(id),
      statements.map(printStatement).join(';\n'),
      database,
      formatAge(nowMs - startedMs),
      isKilled ? 'killed' : 'running',
    ]);
    return makeTable('', columns, rows);
  }
}
