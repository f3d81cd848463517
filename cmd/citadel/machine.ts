/** The facts about this machine that defaults depend on. */

import { availableParallelism, totalmem } from 'node:os';
import type { Machine } from './settings/setting.ts';

/** A container's memory limit counts as the memory; without one the system reports 0 or nonsense. */
export function describeMachine(): Machine {
  const limit = process.constrainedMemory();
  const isLimited = limit > 0 && limit < totalmem();
  return {
    env: process.env,
    memoryBytes: isLimited ? limit : totalmem(),
    cores: availableParallelism(),
  };
}
