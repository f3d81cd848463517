/** When processes stop working: CPU time of all their threads, from the scheduler, to the nanosecond (Linux only). */

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const lookEveryMs = 4;
/** Quiet for so long is idle; a pause between two slices of work is shorter. */
const quietMs = 120;
/** What timers and talk between nodes need of one core, beside what was measured before. */
const quietShare = 0.15;
const patienceMs = 20_000;
const baseMs = 2_000;

function cpuNanos(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      try {
        sum += Number.parseInt(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1'), 10);
      } catch {
        // The thread has ended.
      }
    }
  }
  return sum;
}

export class CpuWatch {
  readonly #pids: readonly number[];
  #baseShare = 0;

  constructor(pids: readonly number[]) {
    this.#pids = pids;
  }

  /** What they use while nobody asks anything: call it when they are idle. Returns the share of one core. */
  async learnBase(): Promise<number> {
    const before = cpuNanos(this.#pids);
    const startMs = performance.now();
    await sleep(baseMs);
    this.#baseShare = (cpuNanos(this.#pids) - before) / 1e6 / (performance.now() - startMs);
    return this.#baseShare;
  }

  /** ms from `sinceMs` until the processes have begun to be quiet. */
  async untilIdle(sinceMs: number): Promise<number> {
    const looks: { readonly ms: number; readonly cpuMs: number }[] = [];
    while (performance.now() - sinceMs < patienceMs) {
      const now = { ms: performance.now(), cpuMs: cpuNanos(this.#pids) / 1e6 };
      looks.push(now);
      while (looks.length > 1 && now.ms - looks[1]!.ms >= quietMs) looks.shift();
      const [first] = looks;
      const took = now.ms - first!.ms;
      const share = (now.cpuMs - first!.cpuMs) / took;
      if (took >= quietMs && share < this.#baseShare + quietShare) return first!.ms - sinceMs;
      await sleep(lookEveryMs);
    }
    return patienceMs;
  }
}
