/**
 * The seeded world: virtual time, seeded randomness, a disk in memory that can lose power. The same seed
 * gives the same run.
 */

import type { Env, Host, Log, LogFields } from '../env.ts';
import { SimDisk } from './sim-disk.ts';
import { SimListeners } from './sim-listeners.ts';
import { SimNetwork } from './sim-network.ts';
import { createSimPasswords } from './sim-passwords.ts';
import { createSimRng } from './sim-rng.ts';
import { SimScheduler } from './sim-scheduler.ts';

export interface SimEvent {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: LogFields;
}

export interface SimEnv extends Env {
  readonly disk: SimDisk;
  readonly scheduler: SimScheduler;
  readonly listeners: SimListeners;
  readonly network: SimNetwork;
  /** Everything that was logged. */
  readonly events: readonly SimEvent[];
  /** Power cut: timers and handles are gone, unsynced bytes at the mercy of the seed. */
  crash(): void;
  /** kill -9: timers and handles are gone, the disk keeps what it was given. */
  kill(): void;
}

/** 2026-01-01T00:00:00Z */
const wallStartMs = 1_767_225_600_000;

const simHost: Host = {
  hostname: 'sim',
  platform: 'sim',
  architecture: 'sim',
  runtimeVersion: 'sim',
  cpuCount: 1,
  processId: 1,
  memory: () => ({ heapUsedBytes: 0, heapTotalBytes: 0, externalBytes: 0, residentBytes: 0 }),
  noteDropped: () => undefined,
};

function createSimLog(events: SimEvent[], common: LogFields): Log {
  const write =
    (level: SimEvent['level']) =>
    (event: string, fields: LogFields = {}) => {
      events.push({ level, event, fields: { ...common, ...fields } });
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: (fields) => createSimLog(events, { ...common, ...fields }),
  };
}

export function createSimEnv(seed: number): SimEnv {
  const scheduler = new SimScheduler(wallStartMs);
  const rng = createSimRng(seed);
  const disk = new SimDisk(rng, scheduler.timers);
  const events: SimEvent[] = [];
  return {
    clock: scheduler.clock,
    timers: scheduler.timers,
    rng,
    log: createSimLog(events, {}),
    host: simHost,
    listeners: new SimListeners(),
    network: new SimNetwork(),
    passwords: createSimPasswords(rng),
    openDisk: () => disk,
    disk,
    scheduler,
    events,
    crash: () => {
      scheduler.clear();
      disk.crash();
    },
    kill: () => {
      scheduler.clear();
      disk.kill();
    },
  };
}
