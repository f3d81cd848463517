/** Accounts add up to their pool, stop at their limits, and leave nothing behind. */

import { expect, test } from 'vitest';
import { HeldMemory, MemoryPool } from '../../../src/base/memory-budget.ts';

test('one query and all together have limits, each named', () => {
  const pool = new MemoryPool({ queryBytes: 100, totalBytes: 150 });
  const one = pool.open();
  const other = pool.open();
  one.take(90);
  expect(() => one.take(11)).toThrow('query memory limit exceeded: (101/100 bytes)');
  expect(other.freeBytes).toBe(60);
  expect(() => other.take(61)).toThrow('(151/150 bytes by all queries)');
  other.take(60);
  one.close();
  other.take(30);
  expect(pool.usedBytes).toBe(90);
  other.close();
  expect(pool.usedBytes).toBe(0);
  expect(pool.peakBytes).toBe(150);
});

test('a part counts for the whole until it is closed', () => {
  const pool = new MemoryPool({ queryBytes: 100, totalBytes: 1_000 });
  const whole = pool.open();
  const part = whole.openPart();
  const held = new HeldMemory(part);
  held.set(70);
  expect(() => whole.take(31)).toThrow('(101/100 bytes)');
  expect(() => held.set(101)).toThrow('(101/100 bytes)');
  held.set(20);
  expect(whole.usedBytes).toBe(20);
  part.close();
  expect(whole.usedBytes).toBe(0);
  held.free();
  whole.close();
  expect(pool.usedBytes).toBe(0);
});
