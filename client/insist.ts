/**
 * Tries a call on one node after the other until one answers or the patience is over. Whether it may be repeated is up to
 * the caller: reads may, writes of keys carry an id that makes a repeated one the same write.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { CitadelError } from '../src/base/errors.ts';
import type { Channel } from './channel.ts';
import type { Nodes } from './nodes.ts';

/** A node that has not answered for so long may be paused or cut off: another one is asked. */
export const attemptMs = 5_000;
const backoffMs = { first: 20, max: 1_000 };

export interface Patience {
  /** Monotonic, ms. */
  readonly untilMs: number;
}

export function patienceOf(ms: number): Patience {
  return { untilMs: performance.now() + ms };
}

/** What another node, or the same one later, may answer otherwise. */
export function isWorthAnotherTry(error: unknown): error is CitadelError {
  return error instanceof CitadelError && error.retryable;
}

/** @throws CitadelError of the last attempt */
export async function insist<T>(
  nodes: Nodes,
  { untilMs }: Patience,
  attempt: (channel: Channel, deadlineMs: number) => Promise<T>,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    const channel = nodes.current();
    try {
      const leftMs = Math.max(1, untilMs - performance.now());
      return await attempt(channel, Math.min(attemptMs, leftMs));
    } catch (error) {
      if (!isWorthAnotherTry(error)) throw error;
      nodes.moveOn(channel);
      const rounds = Math.floor(tries / nodes.addresses.length);
      const pauseMs = Math.min(backoffMs.max, backoffMs.first * 2 ** Math.min(rounds, 10));
      const jittered = pauseMs * (0.5 + Math.random());
      if (performance.now() + jittered > untilMs) throw error;
      await sleep(jittered);
    }
  }
}
