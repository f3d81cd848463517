/** One work goes on per turn of the loop, in the order of asking; cancelled ones do not wait for theirs. */

import { expect, test } from 'vitest';
import { Turnstile } from '../../../src/base/turnstile.ts';

/** A loop that comes round when it is told to. */
function handLoop() {
  let wake: () => void = () => undefined;
  const yieldNow = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const turn = async () => {
    wake();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { yieldNow, turn };
}

test('one at a time, in order', async () => {
  const loop = handLoop();
  const turnstile = new Turnstile(loop.yieldNow);
  const gone: string[] = [];
  for (const name of ['a', 'b', 'c']) void turnstile.turn().then(() => gone.push(name));
  expect(turnstile.isCrowded).toBe(true);
  await loop.turn();
  expect(gone).toEqual(['a']);
  await loop.turn();
  await loop.turn();
  expect(gone).toEqual(['a', 'b', 'c']);
  expect(turnstile.isCrowded).toBe(false);
});

test('who was cancelled leaves the queue at the next turn', async () => {
  const loop = handLoop();
  const turnstile = new Turnstile(loop.yieldNow);
  const controller = new AbortController();
  const gone: string[] = [];
  void turnstile.turn().then(() => gone.push('a'));
  void turnstile.turn().then(() => gone.push('b'));
  void turnstile.turn(controller.signal).then(() => gone.push('cancelled'));
  controller.abort();
  await loop.turn();
  expect(gone).toEqual(['a', 'cancelled']);
});
