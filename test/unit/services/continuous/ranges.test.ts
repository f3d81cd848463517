/** Goal: ranges behave as sets of points. Method: random ranges against sets of small integers. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  clipRanges,
  coversRange,
  cutRange,
  joinRanges,
  type Range,
} from '../../../../src/services/continuous/ranges.ts';

const range = fc
  .tuple(fc.nat(60), fc.integer({ min: 1, max: 12 }))
  .map(([from, size]): Range => ({ from: BigInt(from), until: BigInt(from + size) }));
const ranges = fc.array(range, { maxLength: 10 });

function points(list: readonly Range[]): Set<bigint> {
  const all = new Set<bigint>();
  for (const { from, until } of list) for (let at = from; at < until; at++) all.add(at);
  return all;
}

function isApart(list: readonly Range[]): boolean {
  return list.every(({ from, until }, i) => from < until && (i === 0 || list[i - 1]!.until < from));
}

test('joined ranges hold the same points, sorted and apart', async () => {
  await fc.assert(
    fc.property(ranges, (list) => {
      const joined = joinRanges(list, 1_000);
      expect(points(joined)).toEqual(points(list));
      expect(isApart(joined)).toBe(true);
    }),
  );
});

test('too many are joined to as many as allowed, and no point is lost', async () => {
  await fc.assert(
    fc.property(ranges, fc.integer({ min: 1, max: 4 }), (list, most) => {
      const joined = joinRanges(list, most);
      expect(joined.length).toBe(Math.min(most, joinRanges(list, 1_000).length));
      const held = points(joined);
      for (const point of points(list)) expect(held.has(point)).toBe(true);
    }),
  );
});

test('clipping and cutting split the points in two', async () => {
  await fc.assert(
    fc.property(ranges, range, (list, part) => {
      const joined = joinRanges(list, 1_000);
      const inside = points(clipRanges(joined, part));
      const outside = points(cutRange(joined, part));
      expect(new Set([...inside, ...outside])).toEqual(points(joined));
      for (const point of inside) expect(outside.has(point)).toBe(false);
      expect(coversRange(joined, part)).toBe(
        points([part]).size === points(clipRanges(joined, part)).size,
      );
    }),
  );
});
