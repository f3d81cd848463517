/** Batches: complete by size or by time, written one after the other, and never more of them than may wait. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSimEnv } from '../../../../src/env/sim/sim-env.ts';
import { BatchQueue } from '../../../../src/services/listeners/batch-queue.ts';

const settings = { size: 3, pending: 2, timeoutMs: 1_000 };

function build() {
  const env = createSimEnv(1);
  const written: (readonly number[])[] = [];
  const finish: (() => void)[] = [];
  const queue = new BatchQueue<number>(env.timers, settings, (pieces) => {
    written.push(pieces);
    return new Promise((resolve) => finish.push(resolve));
  });
  return { env, queue, written, finish };
}

test('a batch is complete when it is large enough or old enough', async () => {
  const { env, queue, written } = build();
  queue.offer(1, 2, 10);
  queue.offer(2, 1, 10);
  expect(written).toEqual([[1, 2]]);
  const late = build();
  late.queue.offer(1, 1, 10);
  await late.env.scheduler.advance(999);
  expect(late.written).toEqual([]);
  await late.env.scheduler.advance(1);
  expect(late.written).toEqual([[1]]);
  expect(env.clock.monotonicMs()).toBe(0);
});

test('many bytes complete a batch too', () => {
  const { queue, written } = build();
  queue.offer(1, 1, 1024 * 1024);
  expect(written).toEqual([[1]]);
});

test('when all batches wait nothing is taken, until one is written', async () => {
  const { queue, finish } = build();
  const taken = Array.from({ length: 8 }, (_, i) => queue.offer(i, 1, 1));
  expect(taken).toEqual([true, true, true, true, true, true, false, false]);
  let hasRoom = false;
  const room = queue.room().then(() => {
    hasRoom = true;
  });
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  finish[0]!();
  await room;
  expect(queue.offer(9, 1, 1)).toBe(true);
});

// Goal: nothing that was taken is lost or doubled, and order stays. Method: any offers and pauses, then close.
test('what is taken is written once, in order', async () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant('wait' as const)));
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const env = createSimEnv(1);
      const written: number[] = [];
      const queue = new BatchQueue<number>(env.timers, settings, async (pieces) => {
        written.push(...pieces);
      });
      const taken: number[] = [];
      for (const [i, step] of given.entries()) {
        if (step === 'wait') await env.scheduler.advance(700);
        else if (queue.offer(i, step, 1)) taken.push(i);
      }
      await queue.close();
      expect(written).toEqual(taken);
      expect(queue.offer(1, 1, 1)).toBe(false);
    }),
  );
});
