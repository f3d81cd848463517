/** How many passwords may be tried, by one client and for one user. */

import { expect, test } from 'vitest';
import { FailureLimits } from '../../../src/access/failure-limits.ts';

function makeLimits() {
  const clock = { ms: 0, monotonicMs: () => clock.ms };
  const limits = new FailureLimits(clock);
  const tries = (count: number, address: string, user: (i: number) => string) => {
    let tried = 0;
    for (let i = 0; i < count; i++) {
      try {
        limits.begin(address, user(i));
        tried++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'overloaded' });
      }
    }
    return tried;
  };
  return { clock, limits, tries };
}

test('one client gets some tries at once, then one a second, whomever it claims to be', () => {
  const { clock, tries } = makeLimits();
  expect(tries(100, '10.0.0.1', (i) => `user${i}`)).toBe(32);
  expect(tries(100, '10.0.0.2', () => 'ann')).toBe(32);
  clock.ms = 10_000;
  expect(tries(100, '10.0.0.1', () => 'ann')).toBe(10);
  clock.ms = 1_000_000;
  expect(tries(100, '10.0.0.1', () => 'bob')).toBe(32);
});

test('one user is guessed for no faster by many clients', () => {
  const { clock, tries } = makeLimits();
  const all = () => {
    let tried = 0;
    for (let i = 0; i < 100; i++) tried += tries(3, `10.0.1.${i}`, () => 'ann');
    return tried;
  };
  expect(all()).toBe(128);
  clock.ms = 10_000;
  expect(all()).toBe(20);
  expect(tries(3, '10.0.0.9', () => 'bob')).toBe(3);
});

test('a network of IPv6 addresses is one client', () => {
  const { tries } = makeLimits();
  let tried = 0;
  for (let i = 0; i < 100; i++) tried += tries(1, `2001:db8:1:2::${i.toString(16)}`, () => 'ann');
  expect(tried).toBe(32);
});

test('what succeeds does not count', () => {
  const { limits, tries } = makeLimits();
  for (let i = 0; i < 500; i++) {
    limits.begin('10.0.0.1', 'ann');
    limits.succeeded('10.0.0.1', 'ann');
  }
  expect(tries(100, '10.0.0.1', () => 'ann')).toBe(32);
});

test('clients without number leave the table bounded, and the last ones are still limited', () => {
  const { tries } = makeLimits();
  for (let i = 0; i < 20_000; i++) {
    tries(1, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, () => `user${i}`);
  }
  expect(tries(100, '10.0.78.31', () => 'ann')).toBe(31);
});
