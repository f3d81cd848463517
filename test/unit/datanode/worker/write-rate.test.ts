/** A steady stream is told as what it is after some minutes; what was long ago counts no more. */

import { expect, test } from 'vitest';
import { WriteRate } from '../../../../src/datanode/worker/write-rate.ts';

test('nothing, a steady stream, and nothing again', () => {
  const rate = new WriteRate();
  expect(rate.perSecond(1_000)).toBe(0);
  for (let ms = 1_000; ms <= 601_000; ms += 100) rate.note(50, ms);
  expect(rate.perSecond(601_000)).toBeGreaterThan(495);
  expect(rate.perSecond(601_000)).toBeLessThan(505);
  expect(rate.perSecond(661_000)).toBeLessThan(190);
  expect(rate.perSecond(1_801_000)).toBeLessThan(1);
});

test('how it is cut makes no difference', () => {
  const [one, many] = [new WriteRate(), new WriteRate()];
  one.note(1_000, 5_000);
  for (let i = 0; i < 10; i++) many.note(100, 5_000);
  expect(many.perSecond(9_000)).toBeCloseTo(one.perSecond(9_000), 9);
});
