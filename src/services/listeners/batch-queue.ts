/**
 * Gathers what comes in small pieces into batches, and has them written one after the other. A batch is complete when
 * it has enough points or bytes, or when its first piece has waited long enough.
 *
 * Bounded: when as many batches wait as may, pieces are not taken. Whoever can wait, waits for room; the others
 * drop the piece and say so.
 */

import type { TimerHandle, Timers } from '../../env/env.ts';
import type { BatchSettings } from './listener-settings.ts';

/** Few points can be many bytes. */
const batchBytesMax = 1024 * 1024;

interface Batch<T> {
  readonly pieces: T[];
  points: number;
  bytes: number;
}

export class BatchQueue<T> {
  readonly #timers: Pick<Timers, 'after'>;
  readonly #settings: BatchSettings;
  /** Never rejects. */
  readonly #write: (pieces: readonly T[], points: number) => Promise<void>;
  #open: Batch<T> | undefined;
  #timer: TimerHandle | undefined;
  readonly #waiting: Batch<T>[] = [];
  #writing: Promise<void> | undefined;
  #wakeUps: (() => void)[] = [];
  #isClosed = false;

  constructor(
    timers: Pick<Timers, 'after'>,
    settings: BatchSettings,
    write: (pieces: readonly T[], points: number) => Promise<void>,
  ) {
    this.#timers = timers;
    this.#settings = settings;
    this.#write = write;
  }

  /** False = there is no room, and nothing was taken. */
  offer(piece: T, points: number, bytes: number): boolean {
    if (this.#isClosed) return false;
    if (this.#open === undefined) {
      if (this.#waiting.length >= this.#settings.pending) return false;
      this.#open = { pieces: [], points: 0, bytes: 0 };
      this.#timer = this.#timers.after(this.#settings.timeoutMs, () => this.#complete());
    }
    const batch = this.#open;
    batch.pieces.push(piece);
    batch.points += points;
    batch.bytes += bytes;
    if (batch.points >= this.#settings.size || batch.bytes >= batchBytesMax) this.#complete();
    return true;
  }

  /** Resolves when a piece may be taken again; never once it is closed. */
  room(): Promise<void> {
    if (
      !this.#isClosed &&
      (this.#open !== undefined || this.#waiting.length < this.#settings.pending)
    ) {
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#wakeUps.push(resolve));
  }

  /** Takes nothing any more; resolves when what is there is written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#complete();
    await this.#writing;
  }

  #complete(): void {
    this.#timer?.cancel();
    if (this.#open === undefined) return;
    this.#waiting.push(this.#open);
    this.#open = undefined;
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    for (let batch = this.#waiting[0]; batch !== undefined; batch = this.#waiting[0]) {
      await this.#write(batch.pieces, batch.points);
      // It has counted as waiting until now: what is being written is in memory too.
      this.#waiting.shift();
      const wakeUps = this.#wakeUps;
      this.#wakeUps = [];
      if (!this.#isClosed) for (const wakeUp of wakeUps) wakeUp();
    }
    this.#writing = undefined;
  }
}
