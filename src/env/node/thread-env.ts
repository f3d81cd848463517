/** All of the real world but the log: what a worker thread needs, without loading what writes logs. */

import { randomBytes } from 'node:crypto';
import type { Clock, Env, Log, Rng } from '../env.ts';
import { openNodeDisk } from './node-disk.ts';
import { nodeHost } from './node-host.ts';
import { nodeListeners } from './node-listeners.ts';
import { nodeNetwork } from './node-network.ts';
import { nodePasswords } from './node-passwords.ts';
import { nodeTimers } from './node-timers.ts';

/** Wall time in ns: the monotonic high-resolution clock laid over the wall clock's milliseconds. */
function readWallNs(): bigint {
  const ms = performance.timeOrigin + performance.now();
  const drift = Date.now() - ms;
  // `timeOrigin` is fixed at start: a wall clock that was set since then shows as drift.
  if (drift > 2 || drift < -2) return BigInt(Date.now()) * 1_000_000n;
  const whole = Math.floor(ms);
  return BigInt(whole) * 1_000_000n + BigInt(Math.floor((ms - whole) * 1_000_000));
}

const clock: Clock = {
  wallNs: readWallNs,
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

const rng: Rng = {
  next: () => randomBytes(6).readUIntLE(0, 6) / 2 ** 48,
  bytes: (size) => new Uint8Array(randomBytes(size)),
};

/** For a worker thread, whose events the main thread writes. */
export function createThreadEnv(log: Log): Env {
  return Object.freeze({
    clock,
    timers: nodeTimers,
    rng,
    log,
    passwords: nodePasswords,
    host: nodeHost,
    listeners: nodeListeners,
    network: nodeNetwork,
    openDisk: openNodeDisk,
  });
}
