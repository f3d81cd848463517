/** Version vectors count only what came without a gap. */

import { expect, test } from 'vitest';
import { VersionVector } from '../../../src/replication/version-vector.ts';

test('counts entries in order, ignores what it has, refuses a gap', () => {
  const vector = new VersionVector({ a: 2 });
  expect(vector.advance('a', 3)).toBe(true);
  expect(vector.advance('a', 2)).toBe(true);
  expect(vector.advance('a', 5)).toBe(false);
  expect(vector.advance('b', 1)).toBe(true);
  expect(vector.toRecord()).toEqual({ a: 3, b: 1 });
});

test('covers and joins component by component', () => {
  const left = new VersionVector({ a: 3, b: 1 });
  const right = new VersionVector({ a: 2, c: 4 });
  expect(left.covers(right)).toBe(false);
  left.join(right);
  expect(left.toRecord()).toEqual({ a: 3, b: 1, c: 4 });
  expect(left.covers(right)).toBe(true);
  expect(right.covers(left)).toBe(false);
});
