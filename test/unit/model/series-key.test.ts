/**
 * Goal: a name becomes one key and the key gives the name back; walking reads the same parts; nothing
 * malformed is taken for a key. Method: random names with every kind of byte.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes } from '../../../src/base/bytes.ts';
import { decodeText, encodeText } from '../../../src/base/text.ts';
import {
  decodeSeriesKey,
  encodeSeriesKey,
  findTagValue,
  firstTag,
  formatSeriesKey,
  isWellFormedSeriesKey,
  measurementBytes,
  measurementSize,
  nextTag,
  tagKeySize,
  tagKeyStart,
  tagValueSize,
  tagValueStart,
} from '../../../src/model/series-key.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
  fc.constantFrom('a', 'b', ',', '=', ' ', '\udcff', '\u00ff', '\u{1F600}', '\uffff'),
);
const tags = fc.uniqueArray(fc.tuple(text, text), { maxLength: 6, selector: ([key]) => key });

test('a name comes back, its tags sorted by the bytes of their keys', async () => {
  await fc.assert(
    fc.property(text, tags, (measurement, own) => {
      const key = encodeSeriesKey({ measurement, tags: own });
      const sorted = [...own].sort((a, b) => compareBytes(encodeText(a[0]), encodeText(b[0])));
      expect(decodeSeriesKey(key)).toEqual({ measurement, tags: sorted });
      expect(encodeSeriesKey({ measurement, tags: sorted })).toEqual(key);
    }),
  );
});

test('walking a key reads the same parts', async () => {
  await fc.assert(
    fc.property(text, tags, (measurement, own) => {
      const key = encodeSeriesKey({ measurement, tags: own });
      expect(decodeText(measurementBytes(key))).toBe(measurement);
      expect(measurementSize(key)).toBe(encodeText(measurement).length);
      const walked: [string, string][] = [];
      for (let at = firstTag(key); at < key.length; at = nextTag(key, at)) {
        const name = tagKeyStart(at);
        const value = tagValueStart(key, at);
        walked.push([
          decodeText(key.subarray(name, name + tagKeySize(key, at))),
          decodeText(key.subarray(value, value + tagValueSize(key, at))),
        ]);
      }
      expect(walked).toEqual(decodeSeriesKey(key).tags);
      for (const [name, value] of own) {
        expect(decodeText(findTagValue(key, encodeText(name))!)).toBe(value);
      }
      expect(findTagValue(key, encodeText('no such tag here'))).toBeUndefined();
    }),
  );
});

test('a cut or padded key is not well-formed', async () => {
  await fc.assert(
    fc.property(text, tags, fc.nat(), (measurement, own, cut) => {
      const key = encodeSeriesKey({ measurement, tags: own });
      expect(isWellFormedSeriesKey(key)).toBe(true);
      expect(isWellFormedSeriesKey(Uint8Array.of(...key, 9))).toBe(false);
      expect(isWellFormedSeriesKey(Uint8Array.of(...key, 0, 0))).toBe(false);
      const shorter = key.subarray(0, cut % key.length);
      if (isWellFormedSeriesKey(shorter)) {
        // Only a cut between tags leaves a key: that of fewer tags.
        expect(decodeSeriesKey(shorter).tags.length).toBeLessThan(own.length);
      } else expect(() => decodeSeriesKey(shorter)).toThrow('cannot read series key');
    }),
  );
});

test('it prints as SHOW SERIES does', () => {
  const name = { measurement: 'a=b, c', tags: [['k=1', 'v,w x']] } as const;
  expect(formatSeriesKey(encodeSeriesKey(name))).toBe('a=b\\,\\ c,k\\=1=v\\,w\\ x');
});

test('a part above 65535 bytes is refused', () => {
  expect(() => encodeSeriesKey({ measurement: 'm'.repeat(65_536), tags: [] })).toThrow(
    'cannot hold a name of 65536 bytes',
  );
});
