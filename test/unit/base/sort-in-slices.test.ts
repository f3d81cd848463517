/** Goal: sorting in slices gives what sorting in one go gives, equals in their order, and pauses on the way. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sortInSlices } from '../../../src/base/sort-in-slices.ts';

test('the order is that of a stable sort, and the list stays as it is', async () => {
  const items = fc.array(fc.tuple(fc.nat({ max: 300 }), fc.nat()), {
    maxLength: 2_000,
    size: 'max',
  });
  const compare = ([a]: [number, number], [b]: [number, number]) => a - b;
  await fc.assert(
    fc.asyncProperty(items, async (given) => {
      const before = [...given];
      const sorted = await sortInSlices(given, compare, async () => undefined);
      expect(sorted).toEqual([...given].sort(compare));
      expect(given).toEqual(before);
    }),
    { numRuns: 50 },
  );
});

test('a pause that fails ends it', async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => -i);
  let pauses = 0;
  const pause = async () => {
    pauses++;
    if (pauses === 45) throw new Error('enough');
  };
  await expect(sortInSlices(many, (a, b) => a - b, pause)).rejects.toThrow('enough');
});
