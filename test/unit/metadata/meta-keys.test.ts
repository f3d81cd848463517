/** Names inside keys: no two names share one, and each comes back as it was. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeText } from '../../../src/base/text.ts';
import { decodeName, encodeName, fieldsKey } from '../../../src/metadata/meta-keys.ts';

const names = fc.uint8Array({ maxLength: 12 }).map(decodeText);

test('every name, valid UTF-8 or not, comes back from one plain path part', async () => {
  await fc.assert(
    fc.property(names, (name) => {
      const part = encodeName(name);
      expect(part).toMatch(/^[A-Za-z0-9_.%-]*$/);
      expect(decodeName(part)).toBe(name);
    }),
  );
});

test('different names have different keys', async () => {
  await fc.assert(
    fc.property(names, names, (a, b) => {
      expect(fieldsKey('id', a) === fieldsKey('id', b)).toBe(a === b);
    }),
  );
});

test('text that is no encoded name is refused', () => {
  for (const text of ['a b', 'a/b', '%', '%4', '%zz', '%2f', 'ü']) {
    expect(() => decodeName(text), text).toThrow('bad name part');
  }
});
