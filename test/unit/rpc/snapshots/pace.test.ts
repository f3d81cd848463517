/** The rate of a snapshot: exact over a stream, nothing saved up over a pause. */

import { expect, test } from 'vitest';
import { createSimEnv } from '../../../../src/env/sim/sim-env.ts';
import { Pace } from '../../../../src/rpc/snapshots/pace.ts';

const never = new AbortController().signal;

async function timeOf(
  run: (env: ReturnType<typeof createSimEnv>) => Promise<void>,
): Promise<number> {
  const env = createSimEnv(1);
  const start = env.clock.monotonicMs();
  let endMs: number | undefined;
  const done = run(env).then(() => {
    endMs = env.clock.monotonicMs() - start;
  });
  for (let i = 0; i < 1_000 && endMs === undefined; i++) await env.scheduler.advance(10);
  await done;
  return endMs ?? Number.NaN;
}

test('each piece waits until those before are paid for', async () => {
  const took = await timeOf(async (env) => {
    const pace = new Pace(env, 1_000_000);
    for (let piece = 0; piece < 5; piece++) await pace.wait(100_000, never);
  });
  expect(took).toBeGreaterThanOrEqual(400);
  expect(took).toBeLessThan(430);
});

test('a pause saves nothing up', async () => {
  const took = await timeOf(async (env) => {
    const pace = new Pace(env, 1_000_000);
    await pace.wait(100_000, never);
    await env.timers.sleep(1_000);
    await pace.wait(100_000, never);
    await pace.wait(100_000, never);
  });
  expect(took).toBeGreaterThanOrEqual(1_100);
});

test('without a rate nobody waits', async () => {
  const took = await timeOf(async (env) => {
    const pace = new Pace(env, undefined);
    for (let piece = 0; piece < 5; piece++) await pace.wait(1e9, never);
  });
  expect(took).toBe(0);
});
