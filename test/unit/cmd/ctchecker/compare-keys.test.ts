/** The checker of keys must see every kind of damage, or its silence means nothing. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyComparison, type KeyFindingKind } from '../../../../cmd/ctchecker/compare-keys.ts';
import {
  finalValue,
  indexOfKey,
  keyOf,
  prefixOf,
  putValue,
  stepOf,
  stepsMax,
} from '../../../../cmd/ctchecker/key-pattern.ts';

const series = 3;
const count = 40;
const anyNumber = fc.integer({ min: 0, max: 999_999 });

/** What all steps of all keys leave behind, by a map that is no part of the checker. */
function stored(): Map<number, Buffer> {
  const found = new Map<string, { index: number; value: Buffer }>();
  for (let index = 0; index < count; index++) {
    for (let step = 0; step < stepsMax; step++) {
      const one = stepOf(series, index, step);
      if (one === undefined) continue;
      const name = one.key.toString('hex');
      if (one.value === undefined) found.delete(name);
      else found.set(name, { index, value: one.value });
    }
  }
  return new Map([...found.values()].map(({ index, value }) => [index, value]));
}

type Change = (rows: Map<number, Buffer>) => void;

function findings(change: Change, how: 'list' | 'read'): [KeyFindingKind, number][] {
  const rows = stored();
  change(rows);
  const comparison = new KeyComparison(series, count);
  const whole = how === 'list' ? stored() : rows;
  for (const [index, value] of how === 'list' ? rows : stored()) {
    comparison.addListed(keyOf(series, index), value);
  }
  for (let index = 0; index < count; index++) comparison.addRead(index, whole.get(index));
  return comparison.finish().map(({ kind, index }) => [kind, index]);
}

const putTwice = Array.from({ length: count }, (_, index) => index).find(
  (index) => finalValue(series, index)?.equals(putValue(series, index, 2)) === true,
)!;
const deletedLast = Array.from({ length: count }, (_, index) => index).find(
  (index) => finalValue(series, index) === undefined,
)!;

test.each(['list', 'read'] as const)('whole data passes, and damage is named (%s)', (how) => {
  expect(findings(() => undefined, how)).toEqual([]);
  expect(findings((rows) => rows.delete(putTwice), how)).toEqual([['missing', putTwice]]);
  const older: Change = (rows) => rows.set(putTwice, putValue(series, putTwice, 1));
  expect(findings(older, how)).toEqual([['outdated', putTwice]]);
  const back: Change = (rows) => rows.set(deletedLast, putValue(series, deletedLast, 1));
  expect(findings(back, how)).toEqual([['returned', deletedLast]]);
  const torn: Change = (rows) => rows.set(putTwice, putValue(series, putTwice, 2).subarray(1));
  expect(findings(torn, how)).toEqual([['corrupt', putTwice]]);
  const swapped: Change = (rows) => rows.set(putTwice, putValue(series, putTwice + 1, 2));
  expect(findings(swapped, how)).toEqual([['corrupt', putTwice]]);
});

test('keys that are not of the pattern, twice or behind the end are told apart', () => {
  const comparison = new KeyComparison(series, count);
  for (const [index, value] of stored()) comparison.addListed(keyOf(series, index), value);
  comparison.addListed(keyOf(series, putTwice), putValue(series, putTwice, 2));
  comparison.addListed(Buffer.concat([prefixOf(series), Buffer.from('1/xxxx')]), Buffer.from('v'));
  const beyond = Array.from({ length: 20 }, (_, i) => count + i).find(
    (index) => finalValue(series, index) !== undefined,
  )!;
  comparison.addListed(keyOf(series, beyond), finalValue(series, beyond)!);
  expect(comparison.finish().map(({ kind }) => kind)).toEqual(['duplicate', 'unexpected']);
  expect(comparison.beyondCount).toBe(1);
});

test('keys tell their index, and no two are equal', async () => {
  await fc.assert(
    fc.property(anyNumber, anyNumber, anyNumber, (one, index, other) => {
      const key = keyOf(one, index);
      expect(indexOfKey(one, key)).toBe(index);
      expect(key.subarray(0, prefixOf(one).length)).toEqual(prefixOf(one));
      if (other !== one) expect(indexOfKey(other, key)).toBe(-1);
      if (other !== index) expect(key.equals(keyOf(one, other))).toBe(false);
    }),
  );
});

test('every kind of life occurs', () => {
  const lengths = new Set<number>();
  let absent = 0;
  for (let index = 0; index < count; index++) {
    const steps = [0, 1, 2].filter((step) => stepOf(series, index, step) !== undefined);
    lengths.add(steps.length);
    if (finalValue(series, index) === undefined) absent++;
  }
  expect([...lengths].sort()).toEqual([1, 2, 3]);
  expect(absent).toBeGreaterThan(3);
});
