/**
 * Virtual time: timers fire in order of their time, equal times in the order they were set, and the clock
 * moves only when `run` or `advance` fires one.
 */

import { CitadelError, InvariantError } from '../../base/errors.ts';
import type { Clock, TimerHandle, Timers } from '../env.ts';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Turns of the microtask queue that let promise chains come to rest between two timers. */
const settleTurns = 64;
/** A run that needs more virtual time than this will not end. */
const runMsMax = 3_600_000;

export class SimScheduler {
  readonly clock: Clock;
  readonly timers: Timers;
  #nowMs = 0;
  #wallOffsetMs: number;
  #order = 0;
  #queue: Timer[] = [];

  constructor(wallMs: number) {
    this.#wallOffsetMs = wallMs;
    this.clock = {
      wallMs: () => Math.floor(this.#wallOffsetMs + this.#nowMs),
      wallNs: () => BigInt(Math.floor((this.#wallOffsetMs + this.#nowMs) * 1000)) * 1000n,
      monotonicMs: () => this.#nowMs,
    };
    this.timers = {
      after: (delayMs, run) => this.#add(delayMs, run),
      every: (periodMs, run) => this.#repeat(periodMs, run),
      sleep: (delayMs, signal) => this.#sleep(delayMs, signal),
      yieldNow: () => this.#sleep(0),
    };
  }

  /** The wall clock jumps; monotonic time does not. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Forgets everything that was to happen: the process is gone. */
  clear(): void {
    this.#queue = [];
  }

  /** Fires timers until the promise settles. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    const deadlineMs = this.#nowMs + runMsMax;
    for (;;) {
      await this.#settle();
      if (settled) return promise;
      if (this.#queue.length === 0) await this.#settle();
      if (settled) return promise;
      if (!this.#fireNext() || this.#nowMs > deadlineMs) {
        throw new InvariantError('the simulation is stuck: the promise waits for nothing');
      }
    }
  }

  /** Fires what is due within so many ms. */
  async advance(byMs: number): Promise<void> {
    const until = this.#nowMs + byMs;
    for (;;) {
      await this.#settle();
      const next = this.#queue[0];
      if (next === undefined || next.atMs > until) break;
      this.#fireNext();
    }
    this.#nowMs = until;
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < settleTurns; turn++) await Promise.resolve();
  }

  #fireNext(): boolean {
    const timer = this.#queue.shift();
    if (timer === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    timer.run();
    return true;
  }

  #add(delayMs: number, run: () => void): TimerHandle {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    const at = this.#queue.findIndex(
      ({ atMs, order }) => atMs > timer.atMs || (atMs === timer.atMs && order > timer.order),
    );
    this.#queue.splice(at === -1 ? this.#queue.length : at, 0, timer);
    return {
      cancel: () => {
        this.#queue = this.#queue.filter((other) => other !== timer);
      },
    };
  }

  #repeat(periodMs: number, run: () => void): TimerHandle {
    let handle: TimerHandle;
    const fire = () => {
      handle = this.#add(periodMs, fire);
      run();
    };
    handle = this.#add(periodMs, fire);
    return { cancel: () => handle.cancel() };
  }

  #sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        handle.cancel();
        reject(new CitadelError('cancelled', 'the wait was cancelled'));
      };
      const handle = this.#add(delayMs, () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      if (signal?.aborted) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    });
  }
}
