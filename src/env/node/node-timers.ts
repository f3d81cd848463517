/** Timers of the event loop. A pending timer never keeps the process alive, but for `sleep`. */

import { CitadelError } from '../../base/errors.ts';
import type { TimerHandle, Timers } from '../env.ts';

function startTimer(delayMs: number, run: () => void): TimerHandle {
  const handle = setTimeout(run, delayMs);
  handle.unref();
  return { cancel: () => clearTimeout(handle) };
}

function startInterval(periodMs: number, run: () => void): TimerHandle {
  const handle = setInterval(run, periodMs);
  handle.unref();
  return { cancel: () => clearInterval(handle) };
}

/** Rejects with `cancelled` as soon as the signal fires. */
function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(handle);
      reject(new CitadelError('cancelled', 'the wait was cancelled'));
    };
    const handle = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, delayMs);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

export const nodeTimers: Timers = {
  after: startTimer,
  every: startInterval,
  sleep,
  yieldNow: () => new Promise((resolve) => setImmediate(resolve)),
};
