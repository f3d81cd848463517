/**
 * Writes the batches of a listener: makes the database that is not there yet, tries again what may succeed
 * later, and counts what became of the points. Nobody waits for an answer, so nothing is thrown.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Catalog } from '../../metadata/catalog-view.ts';
import type { ServiceParts } from '../parts.ts';
import type { ListenerCounts, LossNotes } from './listener-counts.ts';

/** A node that restarts, an overload: what takes longer fills the queue. */
const patienceMs = 30_000;
const pauseFirstMs = 50;
const pauseMaxMs = 2_000;
const reasonSizeMax = 500;

/** What a listener works with. */
export type ListenerParts = Pick<ServiceParts, 'env' | 'broker' | 'catalog'>;

export interface BatchTarget {
  readonly database: string;
  /** '' = the database's default. */
  readonly policy: string;
  /** A policy that is not there is made, and becomes the default, as InfluxDB's Graphite does. */
  readonly makesPolicy: boolean;
}

async function makeTarget(catalog: Catalog, target: BatchTarget): Promise<void> {
  const name = target.makesPolicy ? target.policy : '';
  const db = await catalog.findDatabase(target.database);
  if (db === undefined) await catalog.createDatabase(target.database, name ? { name } : undefined);
  else if (name !== '' && catalog.view.policy(db, name) === undefined) {
    await catalog.createPolicy(target.database, name, { makeDefault: true });
  }
}

export class BatchWriter {
  readonly #parts: Pick<ListenerParts, 'env' | 'catalog'>;
  readonly #target: BatchTarget;
  readonly #counts: ListenerCounts;
  readonly #notes: LossNotes;
  readonly #stopping = new AbortController();

  constructor(
    parts: Pick<ListenerParts, 'env' | 'catalog'>,
    target: BatchTarget,
    counts: ListenerCounts,
    notes: LossNotes,
  ) {
    this.#parts = parts;
    this.#target = target;
    this.#counts = counts;
    this.#notes = notes;
  }

  /** From now on everything is tried once. */
  hurry(): void {
    this.#stopping.abort();
  }

  /** `send` writes them all, and may be called again. */
  async write(points: number, send: () => Promise<unknown>): Promise<void> {
    const { clock } = this.#parts.env;
    const deadlineMs = clock.monotonicMs() + patienceMs;
    for (let pauseMs = pauseFirstMs; ; pauseMs = Math.min(pauseMaxMs, pauseMs * 2)) {
      const error = await this.#attempt(send);
      if (error === undefined) return this.#count(points, 0);
      const mayComeAgain = error instanceof CitadelError && error.retryable;
      const isLate = clock.monotonicMs() + pauseMs > deadlineMs || this.#stopping.signal.aborted;
      if (!mayComeAgain || isLate) return this.#lose(points, error);
      await this.#pause(pauseMs);
    }
  }

  async #attempt(send: () => Promise<unknown>): Promise<unknown> {
    try {
      await makeTarget(this.#parts.catalog, this.#target);
      await send();
      return undefined;
    } catch (error) {
      return error ?? new Error('unknown');
    }
  }

  async #pause(pauseMs: number): Promise<void> {
    await this.#parts.env.timers.sleep(pauseMs, this.#stopping.signal).catch(() => undefined);
  }

  #count(points: number, refused: number): void {
    this.#counts.batches++;
    this.#counts.pointsWritten += points;
    this.#counts.pointsRefused += refused;
  }

  #lose(points: number, error: unknown): void {
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, reasonSizeMax);
    if (error instanceof CitadelError && error.code === 'invalid-argument') {
      const { stored = 0, dropped = 0, malformed = 0 } = error.details;
      const refused = Number(dropped) + Number(malformed);
      this.#count(Number(stored), refused);
      this.#notes.tell('points were refused', refused, reason);
      return;
    }
    this.#counts.pointsFailed += points;
    this.#notes.tell('points could not be written', points, reason);
  }
}
