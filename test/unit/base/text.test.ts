/**
 * Goal: bytes and text are one to one, whatever the bytes; what people see is well-formed.
 * Method: random and nearly valid byte strings, against the platform's own decoder where that is exact.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeText, encodeText, printableText } from '../../../src/base/text.ts';

const nearlyUtf8 = fc
  .array(
    fc.constantFrom(
      'a',
      '\u00e9',
      '\u65e5',
      '\u{1F600}',
      '\ufeff',
      '\0',
      'ff',
      'c0',
      'ed',
      'a0',
      '80',
      'f4',
      '90',
      'e0',
      '9f',
    ),
    { maxLength: 12 },
  )
  .map((parts) =>
    Uint8Array.from(
      parts.flatMap((part) =>
        /^[0-9a-f]{2}$/.test(part) ? [Number.parseInt(part, 16)] : [...Buffer.from(part)],
      ),
    ),
  );
const anyBytes = fc.oneof(fc.uint8Array(), fc.uint8Array({ maxLength: 40 }), nearlyUtf8);

test('decode then encode gives the bytes back', async () => {
  await fc.assert(
    fc.property(anyBytes, (bytes) => {
      expect(encodeText(decodeText(bytes))).toEqual(bytes);
    }),
    { numRuns: 2_000 },
  );
});

test('different bytes are different text', async () => {
  await fc.assert(
    fc.property(nearlyUtf8, nearlyUtf8, (a, b) => {
      expect(decodeText(a) === decodeText(b)).toBe(Buffer.compare(a, b) === 0);
    }),
    { numRuns: 2_000 },
  );
});

test('valid UTF-8 is itself', async () => {
  await fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      const bytes = new Uint8Array(Buffer.from(text));
      expect(decodeText(bytes)).toBe(text);
      expect(encodeText(text)).toEqual(bytes);
      expect(printableText(text)).toBe(text);
    }),
  );
});

test('what is shown replaces each byte that was not UTF-8', () => {
  expect(printableText(decodeText(Uint8Array.of(0x61, 0xff, 0xc3, 0x28)))).toBe('a\ufffd\ufffd(');
});
