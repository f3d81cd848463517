/** Slices cover a stretch without gap or overlap, and hold a bounded number of rows where that is possible. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutIntoSlices, type Weight } from '../../../../src/tstore/read/time-slices.ts';

const weightOf: fc.Arbitrary<Weight> = fc
  .tuple(fc.nat({ max: 1_000_000 }), fc.nat({ max: 100_000 }), fc.integer({ min: 1, max: 5000 }))
  .map(([min, length, count]) => ({ min, max: min + length, count: Math.min(count, length + 1) }));

test('slices cover everything once, in order', async () => {
  await fc.assert(
    fc.property(fc.array(weightOf, { minLength: 1 }), (weights) => {
      const min = Math.min(...weights.map((weight) => weight.min));
      const max = Math.max(...weights.map((weight) => weight.max));
      const slices = cutIntoSlices(weights, min, max, 1000);
      let next = min;
      for (const slice of slices) {
        expect(slice.min).toBe(next);
        expect(slice.max).toBeGreaterThanOrEqual(slice.min);
        next = slice.max + 1;
      }
      expect(next).toBe(max + 1);
    }),
  );
});

test('even rows are cut into even slices, and a burst is cut where it is', () => {
  const even = cutIntoSlices([{ min: 0, max: 999_999, count: 1_000_000 }], 0, 999_999, 65_536);
  expect(even.length).toBeGreaterThanOrEqual(16);
  for (const { min, max } of even) expect(max - min).toBeLessThan(66_000);
  const burst = [
    { min: 0, max: 1e15, count: 100 },
    { min: 5e14, max: 5e14 + 1e6, count: 500_000 },
  ];
  for (const { min, max } of cutIntoSlices(burst, 0, 1e15, 65_536)) {
    const inside = Math.min(max, 5e14 + 1e6) - Math.max(min, 5e14) + 1;
    expect(inside * 0.5).toBeLessThan(140_000);
  }
});
