/** Timers of the event loop. */

import { expect, test } from 'vitest';
import { nodeTimers } from '../../../../src/env/node/node-timers.ts';

test('a sleep ends early when cancelled', async () => {
  const abort = new AbortController();
  const slept = nodeTimers.sleep(60_000, abort.signal);
  abort.abort();
  await expect(slept).rejects.toMatchObject({ code: 'cancelled' });
  await expect(nodeTimers.sleep(1, abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
  await nodeTimers.sleep(1);
});

test('a cancelled timer does not run; yieldNow lets others run', async () => {
  const ran: string[] = [];
  nodeTimers.after(0, () => ran.push('cancelled')).cancel();
  const every = nodeTimers.every(1, () => ran.push('every'));
  while (ran.length < 3) await nodeTimers.yieldNow();
  every.cancel();
  expect(new Set(ran)).toEqual(new Set(['every']));
});
