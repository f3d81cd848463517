/**
 * Goal: warming up ends by itself, soon, on a slow machine too, and lets others run in between.
 * Method: run it on clocks of several speeds and count how often it paused.
 */

import { expect, test } from 'vitest';
import { warmWritePath } from '../../../src/broker/warm-up.ts';

/** Runs with a clock that advances by so much each time it is read; returns the number of pauses. */
async function countPauses(stepMs: number): Promise<number> {
  let nowMs = 0;
  let pauses = 0;
  const clock = {
    monotonicMs: () => {
      nowMs += stepMs;
      return nowMs;
    },
  };
  const yieldNow = async () => {
    pauses++;
  };
  await warmWritePath({ clock, timers: { yieldNow } });
  return pauses;
}

test('a machine that is fast does a bounded number of rounds', async () => {
  expect(await countPauses(0)).toBe(60);
});

test('a machine that is slow does as many as fit into the time', async () => {
  expect(await countPauses(40)).toBe(4);
  expect(await countPauses(1_000)).toBe(1);
});
