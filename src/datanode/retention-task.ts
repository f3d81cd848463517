/** Removes what policies no longer keep, now and then, as long as the clock can be trusted. */

import type { Disk, Env } from '../env/env.ts';
import { loadClockMark, RetentionClock, saveClockMark } from './retention-clock.ts';
import { purgeRetired } from './retired-replicas.ts';
import type { WorkerCall } from './worker/messages.ts';

const clockCheckMs = 60_000;
/** Retention is looked at shortly after start and every so many clock checks. */
const firstExpireMs = 15_000;
const checksPerExpire = 5;
/** How long removed files stay in the trash. */
const trashMs = 600_000;

export interface RetentionTask {
  stop(): void;
}

/** `callAll`: every worker, one after the other. */
export async function startRetention(
  env: Pick<Env, 'clock' | 'timers' | 'log'>,
  disk: Disk,
  callAll: (call: WorkerCall) => Promise<void>,
): Promise<RetentionTask> {
  const { clock, timers, log } = env;
  const retention = new RetentionClock(clock, await loadClockMark(disk));
  let checks = 0;
  let stopped = false;
  const check = async () => {
    if (stopped) return;
    const isDue = checks++ % checksPerExpire === 0;
    if (!retention.check()) {
      if (isDue) log.warn('retention waits: the clock jumped by more than a day');
      return;
    }
    await saveClockMark(disk, retention.mark);
    if (!isDue) return;
    await callAll({ kind: 'expire', nowNs: clock.wallNs() });
    await callAll({ kind: 'purge', olderThanMs: trashMs });
    const count = await purgeRetired(disk, clock.wallMs() - trashMs);
    if (count > 0) log.info('retired replicas removed', { count });
  };
  const run = () => {
    check().catch((error) => log.warn('retention check failed', { error }));
  };
  const running = [timers.after(firstExpireMs, run), timers.every(clockCheckMs, run)];
  return {
    stop: () => {
      stopped = true;
      for (const timer of running) timer.cancel();
    },
  };
}
