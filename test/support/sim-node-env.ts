/**
 * Several nodes in one simulated world: one virtual time, a disk and a life for each. When a node dies its
 * timers never fire again, and whatever it waited for never comes.
 */

import type { Timers } from '../../src/env/env.ts';
import { SimDisk } from '../../src/env/sim/sim-disk.ts';
import type { SimEnv } from '../../src/env/sim/sim-env.ts';

export interface SimNodeEnv {
  readonly env: SimEnv;
  readonly disk: SimDisk;
  /** The process ends here: nothing of it goes on. */
  die(how: 'kill' | 'power-cut'): void;
}

function mortalTimers(timers: Timers, isAlive: () => boolean): Timers {
  const ifAlive = (run: () => void) => () => {
    if (isAlive()) run();
  };
  const sleep = async (delayMs: number, signal?: AbortSignal) => {
    await timers.sleep(delayMs, signal);
    if (!isAlive()) await new Promise<never>(() => undefined);
  };
  return {
    after: (delayMs, run) => timers.after(delayMs, ifAlive(run)),
    every: (periodMs, run) => {
      const handle = timers.every(periodMs, () => {
        if (isAlive()) run();
        else handle.cancel();
      });
      return handle;
    },
    sleep,
    yieldNow: () => sleep(0),
  };
}

/** `disk`: of the node's life before; undefined = a new, empty one. */
export function createNodeEnv(world: SimEnv, disk?: SimDisk): SimNodeEnv {
  let alive = true;
  const own = disk ?? new SimDisk(world.rng, world.scheduler.timers);
  const timers = mortalTimers(world.scheduler.timers, () => alive);
  return {
    env: { ...world, timers, disk: own, openDisk: () => own },
    disk: own,
    die: (how) => {
      alive = false;
      if (how === 'kill') own.kill();
      else own.crash();
    },
  };
}
