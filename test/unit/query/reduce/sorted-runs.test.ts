/** A number by its rank is the one that sorting all of them gives, over one run and over many. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedRuns } from '../../../../src/query/reduce/sorted-runs.ts';

const numbers = fc.double({ noNaN: true }).map((value) => value + 0);

test('every rank finds what sorting finds', async () => {
  await fc.assert(
    fc.property(fc.array(numbers, { minLength: 1, maxLength: 300 }), fc.nat(), (values, pick) => {
      const runs = new SortedRuns();
      for (const value of values) runs.add(value);
      const rank = pick % values.length;
      expect(runs.at(rank)).toBe(Float64Array.from(values).sort()[rank]);
    }),
  );
});

test('many runs are searched as one', () => {
  const runs = new SortedRuns();
  const count = 200_000;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    values[i] = ((i * 7_919) % count) - count / 3;
    runs.add(values[i]!);
  }
  values.sort();
  for (const rank of [0, 1, 65_535, 65_536, 99_999, count - 1]) {
    expect(runs.at(rank)).toBe(values[rank]);
  }
  expect(runs.heldBytes).toBeLessThan(count * 12);
  runs.clear();
  expect(runs.count).toBe(0);
});
