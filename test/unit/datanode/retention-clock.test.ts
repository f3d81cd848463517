/** A clock that jumped must delete nothing. */

import { expect, test } from 'vitest';
import {
  loadClockMark,
  RetentionClock,
  saveClockMark,
} from '../../../src/datanode/retention-clock.ts';
import { createSimEnv } from '../../../src/env/sim/sim-env.ts';

const dayMs = 86_400_000;

async function runFor(env: ReturnType<typeof createSimEnv>, clock: RetentionClock, ms: number) {
  await env.scheduler.advance(ms);
  return clock.check();
}

test('a steady clock is trusted from the first run on', async () => {
  const env = createSimEnv(1);
  const clock = new RetentionClock(env.clock, undefined);
  expect(clock.check()).toBe(true);
  expect(await runFor(env, clock, 60_000)).toBe(true);
  env.scheduler.jumpWall(dayMs / 2);
  expect(await runFor(env, clock, 60_000)).toBe(true);
});

test('after a jump it waits for a day of uptime, across restarts that come too soon', async () => {
  const env = createSimEnv(1);
  let clock = new RetentionClock(env.clock, undefined);
  expect(clock.check()).toBe(true);
  env.scheduler.jumpWall(400 * dayMs);
  expect(await runFor(env, clock, 60_000)).toBe(false);
  expect(await runFor(env, clock, dayMs / 2)).toBe(false);
  const { mark } = clock;
  clock = new RetentionClock(env.clock, mark);
  expect(clock.check()).toBe(false);
  expect(await runFor(env, clock, dayMs - 60_000)).toBe(false);
  expect(await runFor(env, clock, 60_000)).toBe(true);
});

test('a clock that jumps there and back is trusted again', async () => {
  const env = createSimEnv(1);
  const clock = new RetentionClock(env.clock, undefined);
  env.scheduler.jumpWall(-3 * dayMs);
  expect(await runFor(env, clock, 1_000)).toBe(false);
  env.scheduler.jumpWall(3 * dayMs);
  expect(await runFor(env, clock, 1_000)).toBe(true);
});

test('the mark survives on disk; a damaged one makes retention wait', async () => {
  const { disk, scheduler } = createSimEnv(1);
  expect(await scheduler.run(loadClockMark(disk))).toBeUndefined();
  await scheduler.run(saveClockMark(disk, { wallMs: 123 }));
  expect(await scheduler.run(loadClockMark(disk))).toEqual({ wallMs: 123 });
  disk.flip('clock-mark', 0);
  expect(await scheduler.run(loadClockMark(disk))).toEqual({ wallMs: 0 });
});
