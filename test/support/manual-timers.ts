/** Timers that run when a test says so, and randomness that counts. */

import type { Rng, Timers } from '../../src/env/env.ts';

export interface ManualTimers extends Pick<Timers, 'after'> {
  pass(ms: number): void;
}

export function createManualTimers(): ManualTimers {
  let nowMs = 0;
  const waiting = new Map<object, { atMs: number; run: () => void }>();
  return {
    after(delayMs, run) {
      const handle = { cancel: () => void waiting.delete(handle) };
      waiting.set(handle, { atMs: nowMs + delayMs, run });
      return handle;
    },
    pass(ms) {
      nowMs += ms;
      for (const [handle, { atMs, run }] of [...waiting]) {
        if (atMs > nowMs) continue;
        waiting.delete(handle);
        run();
      }
    },
  };
}

/** Never the same bytes twice (up to 2^32 calls). */
export function createCountingRng(): Rng {
  let count = 0;
  return {
    next: () => 0.5,
    bytes(size) {
      const bytes = new Uint8Array(size);
      new DataView(bytes.buffer).setUint32(0, ++count);
      return bytes;
    },
  };
}
