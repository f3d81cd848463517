/** Writes numbered items at a steady rate, batch by batch, several under way; the journal notes what was acknowledged. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Progress } from '../client/progress.ts';
import type { Journal } from './journal.ts';
import type { CheckerOptions } from './options.ts';

const batchItemsMax = 5_000;
const batchesPerSecond = 20;
const inFlightMax = 16;
const notesMax = 20;

/** Told of each attempt that failed. */
export type OnError = (server: string, why: string) => void;

/** Writes items [from, until); resolves with whether they were acknowledged. */
export type WriteBatch = (from: number, until: number, onError: OnError) => Promise<boolean>;

class WriteRun {
  readonly startedMs = performance.now();
  acknowledged = 0;
  givenUp = 0;
  errors = 0;
  longestPauseMs = 0;
  #lastAcknowledgedMs = this.startedMs;
  readonly #journal: Journal;
  readonly #total: number;
  readonly #write: WriteBatch;

  constructor(journal: Journal, total: number, write: WriteBatch) {
    this.#journal = journal;
    this.#total = total;
    this.#write = write;
  }

  async write(from: number, until: number, note: (message: string) => void): Promise<void> {
    const onError: OnError = (server, why) => {
      this.errors += 1;
      if (this.errors <= notesMax) note(`error ${server}: ${why}`);
    };
    if (await this.#write(from, until, onError)) {
      this.#journal.acknowledge(from, until);
      this.acknowledged += until - from;
      const nowMs = performance.now();
      this.longestPauseMs = Math.max(this.longestPauseMs, nowMs - this.#lastAcknowledgedMs);
      this.#lastAcknowledgedMs = nowMs;
    } else {
      this.#journal.giveUp(from, until);
      this.givenUp += until - from;
    }
  }

  renderProgress(): string {
    const seconds = Math.max(0.001, (performance.now() - this.startedMs) / 1000);
    const rate = Math.round(this.acknowledged / seconds);
    const share = Math.floor((100 * this.acknowledged) / this.#total);
    return `${this.acknowledged}/${this.#total} acknowledged (${share} %), ${rate}/s, ${this.errors} errors`;
  }

  renderVerdict(): string {
    const pause = Math.round(this.longestPauseMs);
    return `written: ${this.acknowledged} acknowledged, ${this.givenUp} not acknowledged, ${this.errors} errors, longest pause ${pause} ms`;
  }
}

/** Sends batches when they are due; when too many are in flight it waits, and the rate falls. */
async function writeAll(run: WriteRun, rate: number, total: number, progress: Progress) {
  const batchItems = Math.max(1, Math.min(batchItemsMax, Math.round(rate / batchesPerSecond)));
  const inFlight = new Set<Promise<void>>();
  const note = (message: string) => progress.note(message);
  for (let from = 0; from < total; from += batchItems) {
    const dueMs = run.startedMs + (from / rate) * 1000;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 1) await sleep(earlyMs);
    while (inFlight.size >= inFlightMax) await Promise.race(inFlight);
    const until = Math.min(total, from + batchItems);
    const batch = run.write(from, until, note).finally(() => inFlight.delete(batch));
    inFlight.add(batch);
  }
  await Promise.all(inFlight);
}

/** True when every item was acknowledged. */
export async function runWrites(
  options: CheckerOptions,
  journal: Journal,
  write: WriteBatch,
): Promise<boolean> {
  const total = options.count * options.series;
  journal.startRun(options);
  const run = new WriteRun(journal, total, write);
  const progress = new Progress(() => run.renderProgress());
  try {
    await writeAll(run, options.rate, total, progress);
  } finally {
    progress.stop();
  }
  process.stdout.write(`${run.renderVerdict()}\n`);
  return run.acknowledged === total;
}
