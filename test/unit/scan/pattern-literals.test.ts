/** A pattern read as a list of texts matches those and nothing else. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { literalsOf } from '../../../src/scan/pattern-literals.ts';
import { textPattern } from '../../../src/scan/regex-cache.ts';

test.each([
  ['^a$', ['a']],
  ['^(a|b c|d)$', ['a', 'b c', 'd']],
  ['^(?:a|b)$', ['a', 'b']],
  [String.raw`^(10\.0\.0\.1|x\|y)$`, ['10.0.0.1', 'x|y']],
  ['^(ä|日本)$', ['ä', '日本']],
  ['^a|b$', undefined],
  ['a', undefined],
  ['^a', undefined],
  ['^$', undefined],
  ['^(a|)$', undefined],
  ['^(a.)$', undefined],
  [String.raw`^(a|\d)$`, undefined],
  [String.raw`^\pL$`, undefined],
  ['^(a)(b)$', undefined],
  ['(?i)^(a)$', undefined],
  ['^[ab]$', undefined],
  ['^a{2}$', undefined],
])('%s', (pattern, texts) => {
  expect(literalsOf(pattern)).toEqual(texts);
});

test('the list is what the pattern matches', async () => {
  const piece = fc.constantFrom(
    'a',
    'b',
    '|',
    '(',
    ')',
    '\\',
    '.',
    '^',
    '$',
    '-',
    '\\|',
    '?:',
    'é',
  );
  const pattern = fc.array(piece, { maxLength: 8 }).map((pieces) => `^(${pieces.join('')})$`);
  const text = fc.array(fc.constantFrom('a', 'b', '|', '.', '-', '\\', 'é'), { maxLength: 3 });
  await fc.assert(
    fc.property(pattern, text, (source, letters) => {
      const texts = literalsOf(source);
      if (texts === undefined) return;
      const matcher = textPattern(source);
      for (const one of texts) expect(matcher.test(one)).toBe(true);
      const other = letters.join('');
      expect(matcher.test(other)).toBe(texts.includes(other));
    }),
    { numRuns: 2_000 },
  );
});
