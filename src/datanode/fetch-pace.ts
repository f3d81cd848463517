/**
 * The pace of snapshots on their way in: while the node has other work, it rests after each piece, the longer the busier it is,
 * so that requests go on. How busy it is, it sees by how late a short timer fires. An idle node never rests, and a busy
 * one no longer than a least rate allows, so that every snapshot ends.
 */

import type { Clock, Timers } from '../env/env.ts';

const probeMs = 5;
/** A timer of an idle node is late by so much. */
const calmLateMs = 2;
/** Rest per work, for each ms that it is later. */
const restPerLateMs = 0.5;
/** At the most four fifths of the time are rest. */
const restPerWorkMax = 4;
/** However busy the node is, it takes so much; reaching it and merging it are counted apart, so half of it together. */
const bytesPerSecondMin = 4 * 1024 * 1024;
/** Weight of what was seen before against what is seen now. */
const memory = 0.75;

export class FetchPace {
  readonly #clock: Clock;
  readonly #timers: Timers;
  #lateMs = 0;
  /** Monotonic ms. */
  #restUntilMs = 0;

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock;
    this.#timers = timers;
  }

  /** Resolves when more may come. @throws CitadelError `cancelled` */
  async ready(signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    await this.#timers.sleep(probeMs, signal);
    const nowMs = this.#clock.monotonicMs();
    this.#lateMs = this.#lateMs * memory + (nowMs - startMs - probeMs) * (1 - memory);
    if (this.#restUntilMs > nowMs) await this.#timers.sleep(this.#restUntilMs - nowMs, signal);
  }

  /** So many bytes took so long. */
  note(bytes: number, workMs: number): void {
    const perWork = Math.min(restPerWorkMax, (this.#lateMs - calmLateMs) * restPerLateMs);
    if (perWork <= 0) return;
    const restMs = Math.min(workMs * perWork, (bytes / bytesPerSecondMin) * 1_000);
    this.#restUntilMs = Math.max(this.#restUntilMs, this.#clock.monotonicMs()) + restMs;
  }
}
