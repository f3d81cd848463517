/**
 * Goal: every row finds the slot of its own window, wherever windows lie and in whatever order they
 * come, and the slots come back in order of time.
 * Method: batches at near and far times, forwards and backwards, against a map by window start.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BucketBudget, floorDivide, gallop, WindowSlots } from '../../../src/scan/window-slots.ts';

const base = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }).map(BigInt),
  fc.constantFrom(-(2n ** 62n), 2n ** 62n, 10n ** 18n, -(10n ** 15n), 123_456_789n),
);

const offsets = fc
  .array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 300_000 })), {
    minLength: 1,
    maxLength: 40,
  })
  .map((steps) => {
    let sum = 0;
    return Float64Array.from(steps, (step) => {
      sum += step;
      return sum;
    });
  });

test('rows go to the slot of their window', async () => {
  const interval = fc.constantFrom(1n, 3n, 10n, 1000n, 70_000n, 2n ** 60n);
  const shift = fc.constantFrom(0n, 7n, -12n, 10n ** 10n);
  const batches = fc.array(fc.tuple(base, offsets), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.property(interval, shift, batches, (intervalNs, offsetNs, list) => {
      const budget = new BucketBudget(0);
      const slots = new WindowSlots({ intervalNs, offsetNs }, budget);
      const slotOfStart = new Map<bigint, number>();
      for (const [start, rows] of list) {
        slots.locate(start, rows);
        let row = 0;
        for (let run = 0; run < slots.runCount; run++) {
          expect(slots.runEnds[run]).toBeGreaterThan(row);
          for (; row < slots.runEnds[run]!; row++) {
            const time = start + BigInt(rows[row]!) - offsetNs;
            const window = time - (((time % intervalNs) + intervalNs) % intervalNs) + offsetNs;
            const known = slotOfStart.get(window);
            if (known === undefined) slotOfStart.set(window, slots.runSlots[run]!);
            else expect(slots.runSlots[run]).toBe(known);
          }
        }
        expect(row).toBe(rows.length);
      }
      expect(slots.slotCount).toBe(slotOfStart.size);
      expect(new Set(slotOfStart.values()).size).toBe(slotOfStart.size);
      const starts = [...slotOfStart.keys()].sort((a, b) => (a < b ? -1 : 1));
      expect([...slots.startsOf(slots.orderedSlots())]).toEqual(starts);
      const known = [...slotOfStart];
      const found = slots.slotsOfStarts(BigInt64Array.from(known, ([window]) => window));
      expect([...found]).toEqual(known.map(([, slot]) => slot));
    }),
    { numRuns: 500 },
  );
});

test('a span inside one window has its slot, one across an edge has none', () => {
  const slots = new WindowSlots({ intervalNs: 10n, offsetNs: 0n }, new BucketBudget(0));
  expect(slots.slotOfSpan(-10n, -1n)).toBe(0);
  expect(slots.slotOfSpan(-1n, 0n)).toBeUndefined();
  expect(slots.slotOfSpan(0n, 9n)).toBe(1);
  expect(slots.slotOfSpan(0n, 10n)).toBeUndefined();
});

test('without an interval everything is one window', () => {
  const slots = new WindowSlots({ intervalNs: 0n, offsetNs: 0n }, new BucketBudget(1));
  slots.locate(5n, Float64Array.of(0, 2 ** 52));
  slots.locate(-(2n ** 62n), Float64Array.of(1));
  expect([slots.slotCount, slots.runCount, slots.runEnds[0]]).toEqual([1, 1, 1]);
});

test('division rounds down, before 1970 too', () => {
  const pairs = [
    [7n, 5n, 1n],
    [5n, 5n, 1n],
    [-1n, 5n, -1n],
    [-5n, 5n, -1n],
    [-6n, 5n, -2n],
  ] as const;
  for (const [a, b, expected] of pairs) expect(floorDivide(a, b)).toBe(expected);
});

test('galloping finds the first row at an edge', async () => {
  await fc.assert(
    fc.property(offsets, fc.nat(39), fc.nat(400_000), (rows, start, distance) => {
      const from = start % rows.length;
      const edge = rows[from]! + 1 + distance;
      const found = rows.findIndex((offset, i) => i > from && offset >= edge);
      expect(gallop(rows, from, edge)).toBe(found < 0 ? rows.length : found);
    }),
  );
});
