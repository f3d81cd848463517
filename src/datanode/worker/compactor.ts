/**
 * Background compaction: one bounded step at a time over the stores of a worker, with pauses that keep its
 * share of the thread within a budget. Flushes go first: a step waits while memory is scarce.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import type { ReplicaGroup } from './replica-group.ts';

/** After a step of n ms comes a pause of 3 n: at most a quarter of the thread. */
const pausePerStep = 3;
const pauseMsMin = 20;
/** Nothing to do anywhere: look again after so long. */
const idlePauseMs = 5_000;
const failurePauseMs = 30_000;

export interface CompactorOptions {
  readonly env: Pick<Env, 'clock' | 'timers' | 'log'>;
  readonly groups: readonly ReplicaGroup[];
  /** True while compaction should stay away. */
  readonly isBusy: () => boolean;
  readonly onDiskFull: () => void;
}

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { timers } = this.#options.env;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      let pauseMs = idlePauseMs;
      try {
        if (await this.#round()) pauseMs = pauseMsMin;
      } catch (error) {
        pauseMs = failurePauseMs;
        this.#failed(error);
      }
      await timers.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  #failed(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    if (error instanceof CitadelError && error.code === 'disk-full') this.#options.onDiskFull();
    else this.#options.env.log.error('compaction failed', { error });
  }

  /** One step for every store; true when any of them had work. */
  async #round(): Promise<boolean> {
    const { env, groups, isBusy } = this.#options;
    const { signal } = this.#abort;
    let worked = false;
    for (const group of groups) {
      for (const replica of group.replicas.values()) {
        if (signal.aborted || isBusy()) return worked;
        const start = env.clock.monotonicMs();
        const step = () => {
          const { hlc, versions } = replica.state.stableHorizon;
          return replica.store.compactStep(hlc, signal, versions);
        };
        if (!(await replica.alone(step))) continue;
        const { gcVersions } = replica.store.positions;
        group.step(replica, { kind: 'collected', gcVersions });
        worked = true;
        const tookMs = env.clock.monotonicMs() - start;
        const pauseMs = Math.max(pauseMsMin, tookMs * pausePerStep);
        await env.timers.sleep(pauseMs, signal).catch(() => undefined);
      }
    }
    return worked;
  }
}
