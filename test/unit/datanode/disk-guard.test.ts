/** The ballast goes when the disk is full and comes back when there is room. */

import { expect, test } from 'vitest';
import { openDiskGuard } from '../../../src/datanode/disk-guard.ts';
import { createSimEnv } from '../../../src/env/sim/sim-env.ts';

const mebibyte = 1024 * 1024;

async function openGuard(capacity: number) {
  const env = createSimEnv(1);
  env.disk.faults.capacity = capacity;
  const changes: boolean[] = [];
  const guard = await env.scheduler.run(
    openDiskGuard({
      env,
      disk: env.disk,
      ballastBytes: 2 * mebibyte,
      onChange: (full) => changes.push(full),
    }),
  );
  return { env, guard, changes };
}

test('a full disk releases the ballast, room brings it back', async () => {
  const { env, guard, changes } = await openGuard(64 * mebibyte);
  expect(env.disk.usedBytes()).toBe(2 * mebibyte);
  env.disk.faults.capacity = env.disk.usedBytes();
  guard.noteFull();
  await env.scheduler.advance(3_500);
  expect([guard.isFull, env.disk.usedBytes()]).toEqual([true, 0]);
  expect(changes.every((full) => full)).toBe(true);
  env.disk.faults.capacity = 64 * mebibyte;
  await env.scheduler.advance(1_500);
  expect([guard.isFull, env.disk.usedBytes(), changes.at(-1)]).toEqual([
    false,
    2 * mebibyte,
    false,
  ]);
});

test('a small disk gives up only a small share', async () => {
  const { env } = await openGuard(16 * mebibyte);
  expect(env.disk.usedBytes()).toBe(mebibyte);
});

test('a ballast of an earlier run is kept', async () => {
  const { env } = await openGuard(64 * mebibyte);
  const options = { env, disk: env.disk, ballastBytes: 2 * mebibyte, onChange: () => undefined };
  await env.scheduler.run(openDiskGuard(options));
  expect(env.disk.usedBytes()).toBe(2 * mebibyte);
});
