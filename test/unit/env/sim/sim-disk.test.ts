/** The simulated disk keeps what was synced, and plays the tricks real ones play with the rest. */

import { expect, test } from 'vitest';
import { createSimEnv, type SimEnv } from '../../../../src/env/sim/sim-env.ts';

async function writeHalfSynced(env: SimEnv): Promise<Uint8Array> {
  const { disk, scheduler } = env;
  const file = await scheduler.run(disk.open('f', 'create'));
  await scheduler.run(file.append([new Uint8Array(1000).fill(1)]));
  await scheduler.run(file.datasync());
  await scheduler.run(file.append([new Uint8Array(3000).fill(2)]));
  env.crash();
  return scheduler.run(disk.readAll('f'));
}

test('synced bytes survive every power cut; the others are kept, torn, holed or gone', async () => {
  const sizes = new Set<number>();
  let holed = 0;
  for (let seed = 0; seed < 60; seed++) {
    const bytes = await writeHalfSynced(createSimEnv(seed));
    expect(bytes.subarray(0, 1000).every((byte) => byte === 1)).toBe(true);
    sizes.add(bytes.length);
    if (bytes.subarray(1000).some((byte) => byte !== 2)) holed++;
  }
  expect(sizes.size).toBeGreaterThan(10);
  expect(holed).toBeGreaterThan(5);
  expect(holed).toBeLessThan(55);
});

test('kill keeps what the process had written, and ends its handles', async () => {
  const env = createSimEnv(1);
  const file = await env.scheduler.run(env.disk.open('f', 'create'));
  await env.scheduler.run(file.append([Uint8Array.of(1, 2)]));
  env.kill();
  expect([...(await env.scheduler.run(env.disk.readAll('f')))]).toEqual([1, 2]);
  await expect(file.append([Uint8Array.of(3)])).rejects.toThrow('another life');
});

test('the same seed gives the same run', async () => {
  const first = await writeHalfSynced(createSimEnv(42));
  expect(Buffer.from(await writeHalfSynced(createSimEnv(42))).equals(first)).toBe(true);
});

test('time moves only when told, and timers fire in order', async () => {
  const { scheduler, timers, clock } = createSimEnv(1);
  const ran: string[] = [];
  timers.after(20, () => ran.push('b'));
  timers.after(10, () => ran.push('a'));
  const every = timers.every(15, () => ran.push('e'));
  const start = clock.wallMs();
  await scheduler.advance(40);
  every.cancel();
  expect(ran).toEqual(['a', 'e', 'b', 'e']);
  expect(clock.wallMs() - start).toBe(40);
  await expect(scheduler.run(new Promise(() => undefined))).rejects.toThrow('stuck');
});
