/**
 * Goal: a pattern finds in a text what it should, however long the text is and however often it was asked.
 * Method: random patterns that JavaScript reads alike, against its own engine, on texts short enough for that one.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import { textPattern } from '../../../src/scan/regex-cache.ts';

const { pattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('a', 'b', 'ab', '.', '[ab]', '[^a]', '^', '$', '\\b', 'é', '\\d'),
    tie('pattern').map((inner) => `(${inner})`),
    fc
      .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '*?'))
      .map(([inner, times]) => `(?:${inner})${times}`),
  ),
  pattern: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.array(tie('part'), { maxLength: 3 }).map((parts) => parts.join('')),
    fc.tuple(tie('pattern'), tie('part')).map((sides) => sides.join('|')),
  ),
}));

const text = fc.array(fc.constantFrom('a', 'b', 'c', 'é', '7', ' ', '😀'), { maxLength: 8 });

test('patterns match what they should', async () => {
  await fc.assert(
    fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 8 }), (source, texts) => {
      const expected = new RegExp(source, 'u');
      const found = textPattern(source);
      for (const parts of [...texts, ...texts]) {
        const asked = parts.join('');
        expect([source, asked, found.test(asked)]).toEqual([source, asked, expected.test(asked)]);
      }
    }),
    { numRuns: 500 },
  );
});

test('the length of a text does not count', () => {
  for (const size of [10, 255, 256, 257, 65_536]) {
    const found = textPattern('(a+)+$');
    expect(found.test('a'.repeat(size))).toBe(true);
    expect(found.test(`${'a'.repeat(size)}!`)).toBe(false);
  }
});

test('what is no pattern is refused', () => {
  expect(() => textPattern('(a')).toThrow(CitadelError);
  expect(() => textPattern('(?<=a)b(?!c)')).toThrow(CitadelError);
});
