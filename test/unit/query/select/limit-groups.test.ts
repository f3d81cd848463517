/** Tags read back from the text of a series, as SLIMIT does. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatSeriesName } from '../../../../src/model/series-key.ts';
import { readTags } from '../../../../src/query/select/limit-groups.ts';

// A part that ends in a backslash is ambiguous in the text itself, and line protocol cannot make one.
const text = fc
  .string({ unit: fc.constantFrom('a', 'b', ',', '=', ' ', '\\', '"', 'é', '\n'), minLength: 1 })
  .filter((part) => !part.endsWith('\\'));

test('tags read back as they were', async () => {
  const tags = fc.uniqueArray(fc.tuple(text, text), { selector: ([key]) => key, maxLength: 4 });
  await fc.assert(
    fc.property(text, tags, (measurement, pairs) => {
      // Before one of the characters that are escaped, a backslash would be taken for the escape.
      const isPlain = (part: string) => !/\\[,= \\]/.test(part);
      fc.pre(pairs.every(([key, value]) => isPlain(key) && isPlain(value)));
      const series = formatSeriesName({ measurement, tags: pairs });
      expect([...readTags(series, measurement)]).toEqual(pairs);
    }),
  );
});

test('a series without tags has none', () => {
  expect(readTags('my\\ m', 'my m').size).toBe(0);
});
